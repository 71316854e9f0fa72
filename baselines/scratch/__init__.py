"""Training from random weights."""
