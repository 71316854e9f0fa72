"""The default data set: simulated brain MR patches from four scanners."""
