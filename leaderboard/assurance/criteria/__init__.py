"""Acceptance criteria: what they are, their file, and whether they suit a protocol."""
