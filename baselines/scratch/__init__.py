"""Training from a random start."""
