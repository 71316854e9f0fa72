"""Several boards side by side: which order of entries, which approach and which finding holds on all of them."""
