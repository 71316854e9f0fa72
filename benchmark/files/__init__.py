"""Files: written whole, read by a closed schema, and where they are kept."""
