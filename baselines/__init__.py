"""Methods that are scored: transfer, from scratch, adaptation."""
