"""Ranks, tiers and paired comparisons."""
