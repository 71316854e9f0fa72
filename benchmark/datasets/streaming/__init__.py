"""Pixels on their way from a file to the network."""
