"""Studies: a question of the field as a grid of runs, an answer with its interval, and a page."""
