"""Adaptation to the test stream, batch by batch."""
