"""The built-in studies that are grids of runs, as files."""
