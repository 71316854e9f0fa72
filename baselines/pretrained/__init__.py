"""Pretrained networks: where their weights come from, what they are, and the image towers of open_clip."""
