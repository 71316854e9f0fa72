"""What pretrained weights are: the name of their origin, their pretraining and their licence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...benchmark.contract.weights_record import IMAGENET, NOT_STATED, WeightsRecord, pretraining_of
from .names import LOCAL, local_folder, page

COUNTS = dict.fromkeys((IMAGENET, f"then {IMAGENET}"), (0, 1000, None))
THEN = f"then {NOT_STATED}"
LONGEST = 200  # characters of a text that others wrote


def record_of(arch: str, pretrained_cfg: Mapping[str, Any], sha256: str) -> WeightsRecord:
    """Describe the weights of an architecture by what timm, the folder or the page of the hub says of them.

    Args:
        arch: Name of the architecture.
        pretrained_cfg: The description that the network carries; of timm, or made like timm's.
        sha256: Hash of the weights.
    """
    tag = str(pretrained_cfg.get("tag") or "")
    head = _front_matter(arch)
    told = _then(pretraining_of(tag), pretrained_cfg.get("num_classes"))
    if told == NOT_STATED:
        told = _one_line(head.get("datasets")) or NOT_STATED
    if told == NOT_STATED and not arch.startswith(
        LOCAL
    ):  # names of the hub often end in a tag, those of folders in any
        told = pretraining_of(arch.rpartition("/")[2])
    licence = _one_line(pretrained_cfg.get("license")) or _one_line(head.get("license"))
    return WeightsRecord(_origin(arch, tag), sha256, told, licence)


def _then(told: str, outputs: object) -> str:
    """Add that a network was trained on, where its outputs are not those of what its tag names last.

    timm keeps the tag of the weights that it started from in what it saves.
    """
    return told if told == NOT_STATED or outputs in COUNTS.get(told.split(", ")[-1], (outputs,)) else f"{told}, {THEN}"


def _origin(arch: str, tag: str) -> str:
    folder = local_folder(arch)
    if folder:
        return f"{arch.partition(folder)[0]}{Path(folder).absolute().name}"
    named = arch if not tag or arch.endswith(tag) or ":" in arch else f"{arch}.{tag}"
    return _one_line(named)


def _front_matter(arch: str) -> Mapping[str, Any]:
    """Read the head of the README beside the weights, which the hub calls a model card; empty if there is none."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.repocard import metadata_load

    try:
        if folder := local_folder(arch):
            path: object = Path(folder) / "README.md"
        else:
            name, _, revision = page(arch).partition("@")
            path = try_to_load_from_cache(name, "README.md", revision=revision or None) if name else None
        if not isinstance(path, str | Path) or not Path(path).is_file():
            return {}
        return metadata_load(path) or {}
    except Exception:  # whatever others wrote there: it is only what the weights are said to be
        return {}


def _one_line(found: object) -> str:
    parts = [str(each) for each in found] if isinstance(found, list | tuple) else [str(found)] if found else []
    return " ".join(", ".join(_called(part) for part in parts).split())[:LONGEST]


def _called(part: str) -> str:
    """Call ImageNet as everywhere else; the hub writes `imagenet-1k`, with or without an owner."""
    known = part.rpartition("/")[2].lower().replace("_", "-")
    return f"ImageNet-{known.removeprefix('imagenet-')}" if known.startswith("imagenet-") else part
