"""The audit of a data set: counts, leaks, duplicates, confounding, shortcuts, and scanner fingerprints."""
