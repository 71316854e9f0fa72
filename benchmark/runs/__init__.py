"""Runs: tune, fit, predict, resume; rerun and verify."""
