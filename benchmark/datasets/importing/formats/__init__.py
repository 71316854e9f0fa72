"""One module per image format: what a file is, what its header says, what its pixels are."""
