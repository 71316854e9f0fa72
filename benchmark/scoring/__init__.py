"""Metrics, thresholds, bootstrap intervals and the aggregates of a leaderboard."""
