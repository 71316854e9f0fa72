"""Shifts that break the contract, each in one way, and one that keeps it."""

import time

import torch

NUMBER = 3


def dimmer(images, severity, rng):
    """Every pixel loses a tenth a step."""
    return images * (1 - 0.1 * severity)


def twin(images, severity, rng):
    return dimmer(images, severity, rng)


def raises(images, severity, rng):
    raise RuntimeError("no licence\nfor this host")


def returns_nan(images, severity, rng):
    return images * torch.nan


def changes_shape(images, severity, rng):
    return images[..., 1:]


def mutates(images, severity, rng):
    return images.mul_(1 - 0.1 * severity)


def draws_globally(images, severity, rng):
    return (images + 0.02 * severity * torch.randn_like(images)).clamp(0, 1)


def depends_on_batch(images, severity, rng):
    return images * (1 - 0.1 * severity * images.mean() / images.amax().clamp(min=0.1))


def is_slow(images, severity, rng):
    if severity == 5 and images.shape[-1] == 48 and len(images) == 6:
        time.sleep(0.3)
    return dimmer(images, severity, rng)


RANGE = []


def remembers(images, severity, rng):
    if not RANGE:
        RANGE.append(float(images.mean()))
    return images * (1 - 0.1 * severity * RANGE[0])


ALL = (dimmer, twin, raises, returns_nan, changes_shape, mutates, draws_globally, depends_on_batch, is_slow, remembers)
for function in ALL:
    function.dims = (2,)
