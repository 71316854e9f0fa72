"""The report for whoever must show robustness: criteria written before the run, verdicts, breaking points."""
