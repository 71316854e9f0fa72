"""The acquisition fingerprint of a domain and its place on the severity scale of each shift."""
