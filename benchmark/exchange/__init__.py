"""Exchange with models that run elsewhere: condition images out, predictions in."""
