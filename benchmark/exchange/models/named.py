"""Models by name: timm's, with the head that their weights have, and functions of a module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from torch import nn

from ....shifts.errors import MedshiftError, in_one_line
from ...contract import user_class
from .interface import Interface
from .opened import Opened
from .options import from_metadata
from .torch_files import weights_sha256


def is_timm(name: str) -> bool:
    """Return whether timm has a network of this name, with or without the tag of its weights."""
    import timm

    return bool(timm.is_model(name.partition(".")[0]))


def open_timm(name: str, device: torch.device, classes: int) -> Opened:
    """Load a network of timm with its own head.

    Args:
        name: timm's name, `hf-hub:OWNER/NAME` or `local-dir:FOLDER`.
        device: Where it predicts.
        classes: Number of the data's classes.

    Raises:
        MedshiftError: timm cannot make the network or load its weights, or its head has another number of classes.
    """
    import timm

    try:
        bare: Any = timm.create_model(name, pretrained=False)
    except Exception as error:  # the hub's client raises many kinds of errors
        raise MedshiftError(f"{name} is not a network that timm can make: {in_one_line(error)[:200]}") from error
    config = bare.pretrained_cfg
    outputs = int(getattr(bare, "num_classes", 0) or 0)
    if outputs not in (classes, 1 if classes == 2 else classes):
        raise MedshiftError(
            f"{name} has a head of {outputs:,} classes, and the data {classes}: it is not fitted to them. To train it: "
            f"medshift run --baseline imagenet-finetune --set arch={name}"
        )
    try:
        network: nn.Module = timm.create_model(name, pretrained=True)
    except Exception as error:
        raise MedshiftError(f"the weights of {name} cannot be loaded: {in_one_line(error)[:200]}") from error
    stated = _stated(name, config)
    digest = weights_sha256(network)
    return Opened(network.to(device).eval(), "timm", name.rpartition("/")[2][:200], digest, stated)


def _stated(name: str, config: Mapping[str, Any]) -> Interface:
    """Read timm's description of what a network takes."""
    size = config.get("input_size") or ()
    made = from_metadata(
        {
            "input_channels": size[0] if size else None,
            "input_size": list(size[1:]) or None,
            "mean": list(config.get("mean") or ()) or None,
            "std": list(config.get("std") or ()) or None,
            "outputs": "logits",
            "class_order": config.get("label_names"),
        },
        name,
    )
    return replace(made, fixed=("input_channels",))  # its weights have them; most networks take other sizes, too


def open_function(spec: str, device: torch.device) -> Opened:
    """Import `my_module:predict`; the current folder is searched first.

    Args:
        spec: Module and name.
        device: Where it predicts: a network is moved there.

    Raises:
        MedshiftError: The module cannot be imported, or what it has of this name is not a function of images.
    """
    found = user_class.load(spec, "function", "my_module:predict")
    if isinstance(found, type) or not callable(found):
        what = "a class" if isinstance(found, type) else f"a {type(found).__name__}"
        raise MedshiftError(f"{spec} is {what}: give a function of images, or an object that can be called")
    if isinstance(found, nn.Module):
        found = found.to(device).eval()
    digest = user_class.origin(spec).rpartition(" ")[2]
    return Opened(cast("Any", found), "function", user_class.label(spec), digest)
