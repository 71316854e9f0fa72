"""The contract of a baseline: what it may see, what it must return, how it is found and checked."""
