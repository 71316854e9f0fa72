"""What a report is written as: a page that prints, and JSON."""
