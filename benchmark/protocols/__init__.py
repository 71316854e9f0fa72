"""Protocols: the splits, truth, conditions, shifts and severities of a comparison."""
