"""What goes with the label besides the disease."""
