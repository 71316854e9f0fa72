"""Shared by several methods: recipe, training loop, checkpoints, the network trained on the source."""
