"""Looks at pixels while they are read: what only the values of all images can tell."""
