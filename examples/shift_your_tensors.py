"""Acquisition shifts on your own tensors: the same images as another scanner sees them.

python examples/shift_your_tensors.py OUT
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import torch

from medshift.shifts import apply_shift, shift_info

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)

# Any float32 tensor (N, C, H, W) in [0, 1] will do, before normalisation. Here: two discs of different contrast.
rows, columns = torch.meshgrid(torch.linspace(-1, 1, 96), torch.linspace(-1, 1, 96), indexing="ij")
disc = ((rows**2 + columns**2) < 0.5).float()
lesion = (((rows - 0.2) ** 2 + (columns - 0.3) ** 2) < 0.02).float()
images = torch.stack([0.15 + 0.5 * disc, 0.15 + 0.5 * disc + 0.2 * lesion])[:, None]

# Randomness is addressed by seed, shift, severity and sample: the same ids give the same pixels in any batch.
names = ["gamma", "rician-noise", "psf-blur", "bias-field", "ghosting"]
shifted = {name: apply_shift(name, images, severity=4, sample_ids=["a", "b"], seed=0) for name in names}

figure, axes = plt.subplots(2, 1 + len(names), figsize=(2 * (1 + len(names)), 4.2), layout="constrained")
for row in range(2):
    axes[row, 0].imshow(images[row, 0], cmap="gray", vmin=0, vmax=1)
    for column, name in enumerate(names, start=1):
        axes[row, column].imshow(shifted[name][row, 0], cmap="gray", vmin=0, vmax=1)
for axis, title in zip(axes[0], ["as acquired", *names], strict=True):
    axis.set_title(title, fontsize=9)
for axis in axes.flat:
    axis.set_axis_off()
figure.savefig(out / "shifts.png", dpi=120, bbox_inches="tight")

for name in names:
    change = (shifted[name] - images).abs().mean()
    print(f"{name}: {shift_info(name).summary}; mean change {change:.3f}")
