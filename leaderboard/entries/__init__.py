"""Entries: found, checked and scored."""
