"""A method in a process of its own: what it was granted and batches come over a pipe, and no other label."""
