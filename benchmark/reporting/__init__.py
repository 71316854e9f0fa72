"""What pages and tables share: numbers, axes, thumbnails, Markdown."""
