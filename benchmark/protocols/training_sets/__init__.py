"""Training sets that differ from the whole source: fractions of its labels, and a second site that goes with them."""
