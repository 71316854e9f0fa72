"""Test-time adaptation, batch by batch."""
