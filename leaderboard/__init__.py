"""Submissions and truth become one table and one page."""
