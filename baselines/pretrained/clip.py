"""Image towers of open_clip, with the methods of a network of timm."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from ...shifts.errors import MedshiftError, in_one_line, near
from .names import CLIP, how_to_get, local_folder, page

FEW = 8  # tags named in a message


def tower(arch: str, channels: int, sizing: Mapping[str, Any], *, pretrained: bool = False) -> ClipTower:
    """Make the image tower of an open_clip model.

    Args:
        arch: `open_clip:NAME`, `open_clip:NAME:TAG`, `open_clip:hf-hub:OWNER/NAME` or `open_clip:local-dir:FOLDER`.
        channels: Channels of its input.
        sizing: Nothing, or `img_size`.
        pretrained: Whether to load its weights.

    Raises:
        MedshiftError: open_clip is not installed or does not know the model, or its weights are out of reach.
    """
    clip = _open_clip()
    if channels != 3:
        raise MedshiftError(f"{arch} takes 1 or 3 channels, these images have {channels}")
    if set(sizing) - {"img_size"}:
        raise TypeError("open_clip takes a size only")
    inner = arch.removeprefix(CLIP)
    outside = bool(local_folder(arch) or page(arch))
    name, tag = (inner, "") if outside else _named(clip, inner, pretrained=pretrained)
    options = {"force_image_size": sizing["img_size"]} if sizing else {}
    if pretrained and not outside:
        options |= {"pretrained": tag, "require_pretrained": True}
    try:
        model = clip.create_model(name, device="cpu", **options)
        cfg = dict(clip.get_model_preprocess_cfg(model))
    except Exception as error:  # the hub's client raises many kinds of errors, and a folder may hold anything
        raise MedshiftError(f"cannot load the network {arch!r} ({in_one_line(error)}){how_to_get(arch)}") from error
    return ClipTower(model.visual, cfg, tag)


class ClipTower(nn.Module):
    """The image tower of an open_clip model: its embedding before a last layer.

    Args:
        visual: The tower.
        cfg: Its preprocessing: `size`, `mean` and `std`.
        tag: The tag of its weights.
    """

    def __init__(self, visual: nn.Module, cfg: Mapping[str, Any], tag: str) -> None:
        super().__init__()
        self.tower = visual
        size = cfg.get("size", 224)
        side = int(size if isinstance(size, int) else size[-1])
        given: Any = visual
        self.head_hidden_size = self.num_features = _width(given, side)
        self.fc: nn.Module = nn.Identity()
        self.pretrained_cfg = {"input_size": (3, side, side), "mean": cfg["mean"], "std": cfg["std"], "tag": tag}

    def forward(self, images: Tensor) -> Tensor:
        """Return the last layer's outputs (N, K), or the embedding where there is none."""
        outputs: Tensor = self.fc(self.forward_features(images))
        return outputs

    def forward_features(self, images: Tensor) -> Tensor:
        """Return the embedding (N, F)."""
        found = self.tower(images)
        pooled: Tensor = found[0] if isinstance(found, tuple) else found
        return pooled

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Return the last layer's inputs or outputs."""
        outputs: Tensor = features if pre_logits else self.fc(features)
        return outputs

    def get_classifier(self) -> nn.Module:
        """Return the last layer."""
        return self.fc

    def reset_classifier(self, num_classes: int) -> None:
        """Make a new last layer; none for no class."""
        self.fc = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()


def _width(visual: Any, side: int) -> int:  # noqa: ANN401 - a module of open_clip
    known = getattr(visual, "output_dim", None)
    if isinstance(known, int):
        return known
    with torch.no_grad():
        found = visual.eval()(torch.zeros(1, 3, side, side))
    return int((found[0] if isinstance(found, tuple) else found).shape[-1])


def _open_clip() -> Any:  # noqa: ANN401 - a package that need not be installed
    try:
        return import_module("open_clip")
    except ModuleNotFoundError as error:
        if error.name != "open_clip":
            raise
        raise MedshiftError(f"arch={CLIP}NAME needs open_clip: pip install 'medshift[clip]'") from None


def _named(clip: Any, inner: str, *, pretrained: bool) -> tuple[str, str]:  # noqa: ANN401
    """Split name and tag, and check both; a model with one tag needs none."""
    name, _, tag = inner.partition(":")
    if name not in clip.list_models():
        raise MedshiftError(f"open_clip has no model {name!r}.{near(name, clip.list_models())}")
    tags = list(clip.list_pretrained_tags_by_model(name))
    if not tag and (not pretrained or len(tags) == 1):
        return name, tags[0] if pretrained else ""
    if tag in tags:
        return name, tag
    more = f" and {len(tags) - FEW} more" if len(tags) > FEW else ""
    choice = " or ".join(f"{CLIP}{name}:{each}" for each in tags[:FEW])
    ways = f": choose {choice}{more}" if tags else "; it has none"
    raise MedshiftError(f"open_clip has {'no weights ' + repr(tag) if tag else 'several weights'} of {name}{ways}")
