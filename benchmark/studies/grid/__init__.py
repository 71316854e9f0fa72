"""The answers of a study over a grid of submissions: cells, contrasts between them, figures and tables."""
