"""Sites that no protocol knows: folders of images without labels, predicted by a fitted model."""
