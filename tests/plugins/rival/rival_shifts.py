"""Claims two names that are taken."""


def gamma(images, severity, rng):
    return images * 0
