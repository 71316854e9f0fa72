"""Training that is to generalise to sites it has not seen."""
