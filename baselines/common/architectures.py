"""Architectures by timm's names: untrained networks, the sizes they take, and files and hub pages that hold one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import timm
import torch
from torch import Tensor

from ...shifts.errors import MedshiftError, in_one_line, near
from .small_resnet import NAME as SMALL_RESNET
from .small_resnet import small_resnet

LOCAL = "local-dir:"
HUB = ("hf-hub:", "hf_hub:")
MOST_TAGS = 8  # named in a message

Sizing: TypeAlias = Mapping[str, Any]  # Any: any argument of timm's
NATIVE: Sizing = {}  # the size that the network was made for


def untrained(arch: str, channels: int, sizing: Sizing) -> Any:  # noqa: ANN401 - for timm's own methods
    """Make a network with random weights and its own last layer.

    Args:
        arch: timm's name, with a tag or without; `hf-hub:OWNER/NAME` or `local-dir:FOLDER`; or `small-resnet`.
        channels: Channels of its input.
        sizing: For timm.

    Raises:
        MedshiftError: The architecture does not exist.
    """
    if is_outside(arch):
        return _outside(arch, channels, sizing)
    if arch == SMALL_RESNET:
        return small_resnet(channels)
    if not timm.is_model(arch):
        why = ": it is for volumes" if arch.startswith("monai-") else f".{near(arch, timm.list_models())}"
        raise MedshiftError(f"timm has no architecture {arch!r}{why}")
    try:
        return timm.create_model(arch, pretrained=False, in_chans=channels, **sizing)
    except RuntimeError as error:
        if "pretrained tag" not in str(error):
            raise
        name, _, tag = arch.partition(".")
        raise MedshiftError(f"timm has no weights {tag!r} of {name}{_other_tags(name)}") from None


def is_outside(arch: str) -> bool:
    """Return whether an architecture is a page of the hub or a folder, not a name that timm knows."""
    return arch.startswith((LOCAL, *HUB))


def files(arch: str) -> list[Path]:
    """List the files of an architecture that is a folder; no files for any other.

    Raises:
        MedshiftError: The folder holds no network.
    """
    if not arch.startswith(LOCAL):
        return []
    folder = Path(arch.removeprefix(LOCAL))
    if not (folder / "config.json").is_file():
        raise MedshiftError(
            f"{folder} holds no network: arch={LOCAL}FOLDER takes a folder with config.json and model.safetensors, "
            "as timm saves them"
        )
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def weights_sha256(weights: Mapping[str, Tensor]) -> str:
    """Hash weights: names, shapes and values."""
    found = hashlib.sha256()
    for name, value in sorted(weights.items()):
        found.update(f"{name} {tuple(value.shape)} {value.dtype}\n".encode())
        found.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _outside(arch: str, channels: int, sizing: Sizing) -> Any:  # noqa: ANN401
    files(arch)
    try:
        return timm.create_model(arch, pretrained=False, in_chans=channels, **sizing)
    except Exception as error:  # the hub's client raises many kinds of errors, and a folder may hold anything
        raise MedshiftError(f"cannot load the network {arch!r} ({in_one_line(error)}){_help(arch)}") from error


def _help(arch: str) -> str:
    if arch.startswith(LOCAL):
        return ""
    return f": without network access, copy the hub's cache from a machine that has it, or use arch={LOCAL}FOLDER"


def _other_tags(name: str) -> str:
    tags = timm.list_pretrained(f"{name}.*")
    more = f" and {len(tags) - MOST_TAGS} more" if len(tags) > MOST_TAGS else ""
    return f": choose {' or '.join(tags[:MOST_TAGS])}{more}" if tags else "; it has none"
