"""Data sets: what they are, how they are read, stored, imported and downloaded."""
