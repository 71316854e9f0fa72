"""Labels as written become classes."""
