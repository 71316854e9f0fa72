"""Review of a pull request: what it changes and whether that is valid."""
