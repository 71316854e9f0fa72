"""Findings across entries: approaches, rank correlation, accuracy on the line."""
