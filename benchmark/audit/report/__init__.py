"""The report of an audit: HTML page, charts, terminal."""
