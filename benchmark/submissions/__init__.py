"""Submissions: a card and predictions, written last and read without trust."""
