"""Confounding: columns of the table that are associated with the label or the domain."""
