"""The terms of a comparison: splits, truth, conditions, shifts and severities."""
