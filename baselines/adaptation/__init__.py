"""Adaptation to the targets' unlabelled images."""
