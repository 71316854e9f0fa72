"""Submissions run again from their cards, and held against what they hold."""
