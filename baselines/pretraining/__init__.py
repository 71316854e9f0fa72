"""Pre-training without labels, shared by the methods that differ in the images they may look at."""
