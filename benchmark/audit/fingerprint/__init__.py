"""The acquisition fingerprint of a site and its place on the severity scale of the shifts."""
