"""Acquisition shifts: functions (images, severity, rng) -> images with severities in physical units.

>>> import torch
>>> from medshift.shifts import apply_shift, shifts_for_modality
>>> images = torch.full((2, 1, 8, 8), 0.5)  # (N, C, *spatial), float32 in [0, 1]
>>> darker = apply_shift("exposure", images, 3, sample_ids=["a", "b"], seed=0)
>>> darker.shape
torch.Size([2, 1, 8, 8])
>>> "rician-noise" in shifts_for_modality("mr")
True

Public names, listed in `__init__.pyi`, load on use: importing this package does not import torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
