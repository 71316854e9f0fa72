"""Scrutiny of a board: entries that are too alike or too good to pass without a look. Never a verdict."""
