"""Architectures by timm's names: untrained networks, the sizes they take, and files and hub pages that hold one.

Here and in its neighbours, timm is imported where a network is made: it takes seconds, and neither planning a run nor
leaving its training to another process needs it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ...shifts.errors import MedshiftError, in_one_line, near
from ..pretrained.clip import tower
from ..pretrained.names import CLIP, LOCAL, file_names, how_to_get, is_outside, local_folder
from .small_resnet import NAME as SMALL_RESNET
from .small_resnet import small_resnet

MOST_TAGS = 8  # named in a message

Sizing: TypeAlias = Mapping[str, Any]  # Any: any argument of timm's
NATIVE: Sizing = {}  # the size that the network was made for


def untrained(arch: str, channels: int, sizing: Sizing) -> Any:  # noqa: ANN401 - for timm's own methods
    """Make a network with random weights and its own last layer.

    Args:
        arch: timm's name, with a tag or without; `hf-hub:OWNER/NAME`, `local-dir:FOLDER` or `open_clip:NAME`; or
            `small-resnet`.
        channels: Channels of its input.
        sizing: For timm.

    Raises:
        MedshiftError: The architecture does not exist.
    """
    if is_outside(arch):
        return _outside(arch, channels, sizing)
    if arch == SMALL_RESNET:
        return small_resnet(channels)
    import timm

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


def own_channels(arch: str) -> int:
    """Return the channels that the network of a folder or a page takes: 1 or 3; 3 for any other.

    Raises:
        MedshiftError: The network is out of reach.
    """
    if not is_outside(arch) or arch.startswith(CLIP):
        return 3
    import timm

    with _explained(arch), torch.device("meta"):
        made: Any = timm.create_model(arch, pretrained=False)
    return 1 if made.pretrained_cfg["input_size"][0] == 1 else 3


def files(arch: str) -> list[Path]:
    """List the files of an architecture that is a folder; no files for any other.

    Raises:
        MedshiftError: The folder holds no network.
    """
    place = local_folder(arch)
    if not place:
        return []
    folder, (config, weights) = Path(place), file_names(arch)
    if not (folder / config).is_file():
        prefix, whose = (f"{CLIP}{LOCAL}", "open_clip") if arch.startswith(CLIP) else (LOCAL, "timm")
        raise MedshiftError(
            f"{folder} holds no network: arch={prefix}FOLDER takes a folder with {config} and {weights}, as {whose} "
            "saves them"
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
    if arch.startswith(CLIP):
        files(arch)
        return tower(arch, channels, sizing)
    import timm

    with _explained(arch):
        return timm.create_model(arch, pretrained=False, in_chans=channels, **sizing)


@contextmanager
def _explained(arch: str) -> Iterator[None]:
    """Explain why the network of a folder or a page cannot be made."""
    files(arch)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its retries are told by the error below
    try:
        yield
    except KeyError as error:
        lacking = "architecture of timm" if "architecture" in str(error) else str(error)
        raise MedshiftError(
            f"cannot load the network {arch!r}: its config.json names no {lacking}, so it was not "
            "saved by timm. Choose a network of timm, or of open_clip (arch=open_clip:NAME)"
        ) from error
    except Exception as error:  # the hub's client raises many kinds of errors, and a folder may hold anything
        raise MedshiftError(f"cannot load the network {arch!r} ({in_one_line(error)}){how_to_get(arch)}") from error


def _other_tags(name: str) -> str:
    import timm

    tags = timm.list_pretrained(f"{name}.*")
    more = f" and {len(tags) - MOST_TAGS} more" if len(tags) > MOST_TAGS else ""
    return f": choose {' or '.join(tags[:MOST_TAGS])}{more}" if tags else "; it has none"
