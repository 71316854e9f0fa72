"""What other packages add to a run, and whether it keeps its contract."""
