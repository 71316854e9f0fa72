"""The physics: one module per family of mechanisms."""
