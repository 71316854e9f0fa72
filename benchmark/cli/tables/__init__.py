"""Tables that commands print and docs include."""
