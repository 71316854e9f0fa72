"""Phantoms: synthetic test images with flat parts, edges, fine bars, a gradient and colour, computed from formulas."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def phantom(count: int, channels: int, spatial: Sequence[int]) -> Tensor:
    """Return phantoms, (count, channels, *spatial) float32 in [0, 1]: five different ones in turn, always the same.

    Dark surroundings, an elliptic body with a gradient, a bright and a dark insert, and a bar pattern with a period of
    4 pixels; in colour, the body resembles stained tissue (red highest, green lowest).
    """
    axes = [torch.linspace(-1, 1, n, dtype=torch.float64) for n in spatial]
    grid = torch.meshgrid(*axes, indexing="ij")
    *deep, row, col = grid
    depth = sum((axis**2 for axis in deep), torch.zeros_like(row))
    bars = (torch.arange(spatial[-1]) % 4 < 2).double().expand(row.shape)
    tint = torch.tensor([0.95, 0.60, 0.80]).double() if channels == 3 else torch.linspace(1, 0.7, channels).double()
    samples = []
    for index in range(count):
        turn = 0.15 * (index % 5) - 0.3
        body = ((row / 0.85) ** 2 + ((col + turn / 3) / 0.75) ** 2 + depth) < 1
        bright = ((row - turn) ** 2 + (col - 0.3) ** 2 + depth) < 0.06
        dark = ((row + 0.4) ** 2 + (col + 0.25) ** 2 + depth) < 0.04
        patch = body & (row > 0.35) & (col.abs() < 0.3)
        grey = 0.02 + body * (0.5 + 0.15 * row) - patch * bars * 0.25
        grey = torch.where(bright, 0.95, torch.where(dark, 0.12, grey))
        colour = torch.where(bright, torch.ones_like(grey), grey)
        shares = tint.view(-1, *(1,) * len(spatial))
        samples.append(grey * (1 - (1 - shares) * colour.clamp(0, 1)))
    return torch.stack(samples).clamp(0, 1).float()
