"""Arithmetic behind the shifts: exact products, lookup tables, per-sample random numbers."""
