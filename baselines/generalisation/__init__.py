"""Domain generalisation: training that should transfer to unseen sites."""
