"""Shared parts of pages and tables: numbers, chart axes, thumbnails, HTML, Markdown."""
