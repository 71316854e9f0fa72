"""From the folder of a study to its page, its figures and its table."""
