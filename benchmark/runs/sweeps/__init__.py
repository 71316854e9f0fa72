"""Sweeps: many runs described as data, made by workers on this machine or on a Ray cluster."""
