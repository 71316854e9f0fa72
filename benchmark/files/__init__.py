"""Files: atomic writes, closed schemas, names of folders, the cache directory, bounded reading of Parquet."""
