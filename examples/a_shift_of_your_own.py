"""Write a shift, check its contract, see its five severities.

    python examples/a_shift_of_your_own.py OUT

`medshift new shift NAME` makes a package of such a function, so that `medshift run --shifts NAME` finds it.
"""

import sys
from pathlib import Path

import torch

from medshift.shifts import SampleRng, apply_shift, check_shift

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)

STEPS_OF_GREY = (96, 48, 24, 12, 6)  # grey levels that a cheap frame grabber keeps, by severity


def frame_grabber(images: torch.Tensor, severity: float, rng: SampleRng) -> torch.Tensor:
    """Few grey levels, and each row read with an offset of its own, as by a drifting converter."""
    levels = STEPS_OF_GREY[int(severity) - 1]
    offset = rng.uniform((*(1,) * (images.ndim - 3), images.shape[-2], 1)) / levels  # slices and volumes
    return (((images + offset) * levels).floor() / levels).clamp(0, 1)


# pure, same shape, in [0, 1], same pixels whatever the batch, more damage from 1 to 5
problems = check_shift(frame_grabber)
print("\n".join(problems) or "frame_grabber keeps the contract")
assert not problems

ramp = torch.linspace(0.1, 0.9, 128).expand(1, 1, 128, 128).contiguous()
row = [ramp, *(apply_shift(frame_grabber, ramp, severity, ["ramp"], seed=0) for severity in (1, 2, 3, 4, 5))]

import matplotlib.pyplot as plt  # noqa: E402 - after the part that matters

figure, axes = plt.subplots(1, 6, figsize=(12, 2.3))
for axis, image, title in zip(axes, row, ["as acquired", *map(str, STEPS_OF_GREY)], strict=True):
    axis.imshow(image[0, 0], cmap="gray", vmin=0, vmax=1)
    axis.set_title(title, fontsize=9)
    axis.set_axis_off()
figure.savefig(out / "frame_grabber.png", dpi=120, bbox_inches="tight")
