"""Acquisition shifts: pure functions that change images as another scanner would."""
