"""Image-quality measures per image."""
