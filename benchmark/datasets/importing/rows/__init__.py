"""Rows of an import: which images there are, with their labels, domains and groups."""
