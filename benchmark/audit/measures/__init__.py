"""Acquisition measures of single images."""
