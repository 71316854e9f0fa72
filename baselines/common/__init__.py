"""Shared by several methods: recipe, training loop, networks, initial weights."""
