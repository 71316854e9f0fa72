"""Exact and addressed arithmetic that the shifts are built from."""
