"""What the entries say together."""
