"""One entry: its figures, its coverage, how it does at each site, its weights."""
