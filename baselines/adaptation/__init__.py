"""Adaptation to unlabelled images of the targets."""
