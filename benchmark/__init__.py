"""The harness: datasets, protocols, conditions, runs and scores."""
