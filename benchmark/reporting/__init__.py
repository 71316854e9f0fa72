"""What pages and tables share: numbers, axes, thumbnails, HTML, Markdown."""
