"""Public data sets with real domains: what they are, how to get them, and how their files are read."""
