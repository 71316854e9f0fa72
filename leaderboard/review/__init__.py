"""What a pull request changes, and whether it is in order."""
