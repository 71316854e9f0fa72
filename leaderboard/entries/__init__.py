"""Find, check and score entries."""
