"""Folders that hold a model: bundles of MONAI."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ....shifts.errors import MedshiftError, in_one_line
from ...files.atomic import sha256
from .monai_metadata import from_monai
from .opened import Opened
from .torch_files import open_torchscript

METADATA = Path("configs") / "metadata.json"
TORCHSCRIPT = ("models/model.ts", "model.ts")
ONNX = ("models/model.onnx", "model.onnx")
WEIGHTS = ("models/model.pt", "model.pt")
CONFIGS = ("inference.json", "inference.yaml", "inference.yml", "train.json", "train.yaml", "evaluate.json")
NETWORKS = ("network_def", "network", "net", "model")  # keys under which bundles describe their network


def is_bundle(folder: Path) -> bool:
    """Return whether a folder is a bundle of MONAI."""
    return (folder / METADATA).is_file()


def open_bundle(folder: Path, device: torch.device, classes: int, *, trust: bool) -> Opened:
    """Open a bundle: its TorchScript or ONNX file, else, if it is trusted, its network with its weights.

    Raises:
        MedshiftError: It holds none of them, or is not trusted and has no file without code.
    """
    path = folder / METADATA
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MedshiftError(f"{path} cannot be read: {in_one_line(error)}") from error
    stated = from_monai(metadata if isinstance(metadata, Mapping) else {}, str(path))
    script, onnx, weights = (_first(folder, names) for names in (TORCHSCRIPT, ONNX, WEIGHTS))
    if script is not None:
        opened = open_torchscript(script, device)
    elif onnx is not None:
        from .onnx_files import open_onnx

        opened = open_onnx(onnx, device, classes)
        more = {name: getattr(stated, name) or getattr(opened.stated, name) for name in ("class_order", "range")}
        stated = replace(opened.stated, **more)
    elif weights is None:
        raise MedshiftError(f"{folder} has no model: neither models/model.ts, models/model.onnx nor models/model.pt")
    elif not trust:
        raise MedshiftError(
            f"{folder} describes its network in configs/, by Python that is run: give --trust if you know who made it, "
            "or make models/model.ts with `python -m monai.bundle ckpt_export`"
        )
    else:
        opened = _built(folder, weights, device)
    return replace(opened, name=f"{folder.absolute().name}/{opened.name}", stated=stated)


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _built(folder: Path, weights: Path, device: torch.device) -> Opened:
    """Build the network that the configuration describes, and load its weights, which are not code."""
    from monai.bundle.config_parser import ConfigParser

    path = next((folder / "configs" / name for name in CONFIGS if (folder / "configs" / name).is_file()), None)
    if path is None:
        raise MedshiftError(f"{folder / 'configs'} has no {CONFIGS[0]}, which would describe the network")
    try:
        parser: Any = ConfigParser()
        parser.read_config(str(path))
        parser["bundle_root"] = str(folder)
        key = next(name for name in NETWORKS if name in parser)
        network = parser.get_parsed_content(key)
        loaded = torch.load(weights, map_location="cpu", weights_only=True)
        network.load_state_dict(loaded.get("model", loaded) if isinstance(loaded, dict) else loaded)
    except StopIteration:
        raise MedshiftError(f"{path} describes no network: none of {', '.join(NETWORKS)}") from None
    except pickle.UnpicklingError:
        raise MedshiftError(f"{weights} holds code, not only weights: save its state_dict instead") from None
    except Exception as error:  # a configuration runs what its author wrote
        raise MedshiftError(f"{folder}: its network cannot be built: {in_one_line(error)[:200]}") from error
    if not isinstance(network, nn.Module):
        raise MedshiftError(f"{path}: {key} is a {type(network).__name__}, not a network")
    # the configuration, and Python that lies beside it, make the network as much as the weights do
    parts = sorted(each for place in ("configs", "scripts") for each in (folder / place).rglob("*") if each.is_file())
    listed = "".join(f"{each.relative_to(folder)} {sha256(each)}\n" for each in (weights, *parts))
    return Opened(network.to(device).eval(), "monai", weights.name, hashlib.sha256(listed.encode()).hexdigest())
