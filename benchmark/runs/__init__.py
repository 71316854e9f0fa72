"""One run: tune, fit, predict, resume; run again and verify."""
