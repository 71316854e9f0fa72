"""What several methods share: recipe, training loop, networks, initial weights."""
