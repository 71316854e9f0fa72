"""Models that run elsewhere: condition images out, predictions in."""
