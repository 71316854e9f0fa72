"""The sizes of images that a network takes."""

from __future__ import annotations

from typing import Any

from torch import nn

LEAST_SIDE = 32  # that a recipe allows


def uncut_sides(body: nn.Module, side: int) -> tuple[int, ...]:
    """Return the nearest sides that the patches of a transformer divide, none if they divide this one.

    timm and open_clip cut images that are not a multiple of the patches, and drop what is left at the border.

    Args:
        body: Any network.
        side: Of the images, in pixels.
    """
    patch = patch_size(body)
    if not patch or side % patch == 0:
        return ()
    below = side // patch * patch
    return tuple(each for each in (below, below + patch) if each >= LEAST_SIDE)


def patch_size(body: nn.Module) -> int:
    """Return the side of a transformer's patches; 0 for other networks, and where what is left over is padded."""
    embed = getattr(body, "patch_embed", None)
    if embed is not None:
        from timm.layers import PatchEmbed  # type: ignore[attr-defined]

        if isinstance(embed, PatchEmbed):
            return 0 if getattr(embed, "dynamic_img_pad", False) else int(embed.patch_size[0])
    found: Any = getattr(getattr(body, "tower", None), "patch_size", 0)  # of open_clip
    return int(found[0] if isinstance(found, tuple) else found)


def own_side(body: Any) -> int:  # noqa: ANN401 - a network of timm
    """Return the side of the images that a network was made for."""
    return int(body.pretrained_cfg["input_size"][-1])
