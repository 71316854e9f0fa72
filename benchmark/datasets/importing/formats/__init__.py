"""Image formats: recognising a file, reading its header, reading its pixels."""
