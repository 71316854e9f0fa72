"""Linear probing: logistic regression on frozen ImageNet features, alone or before fine-tuning; norms only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ...benchmark.contract.access import Access
from ...benchmark.contract.precision import computing_in
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import LogUniform, Space
from ...benchmark.contract.sees import Sees
from ...benchmark.datasets.images import Images
from ...benchmark.files.memory import require_memory
from ...shifts.errors import MedshiftError
from ..common.batches import batches_ahead
from ..common.recipe import TimmRecipe, require_size
from ..common.source_model import refuse_volumes, timm_network
from ..common.training import Classifier, seeded, tell_start
from ..networks.architectures import files
from ..networks.initial_weights import load_all
from ..networks.network import Network
from ..networks.suitability import features_for, is_norm, norms_for, sizing


@dataclass(frozen=True)
class LinearProbe:
    """Logistic regression on frozen ImageNet features, with the penalty chosen on source validation.

    Args:
        arch: A timm architecture, `hf-hub:OWNER/NAME`, or `local-dir:FOLDER` as timm saves it.
        input_size: Side in pixels of the square to which images are resized; 0 keeps their own shape, enlarged in
            proportion where the shorter side is below 64.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Kornblith et al., CVPR 2019, arXiv 1805.08974"

    arch: str = "tf_efficientnet_lite0"
    input_size: int = 0

    def __post_init__(self) -> None:
        """Refuse a size out of range."""
        require_size(self.input_size)

    def files(self) -> list[Path]:
        """List the files that hold the network, if `arch` is a folder."""
        return files(self.arch)

    def fit(self, access: Access) -> Predictor:
        """Fit the probe and make it the last layer of the network."""
        refuse_volumes(access)
        with seeded(access):
            sized = sizing(access, self.arch, self.input_size, features_for("linear-probe"))
            network = Network(self.arch, len(access.classes), access.channels, self.input_size, load_all, sized)
            tell_start(network, access)
            computing_in(network, access.precision)
            fit_probe(network, access)
        return Classifier(network)


@dataclass(frozen=True)
class LpFt(TimmRecipe):
    """Linear probe first, then fine-tune at a low rate with batch norms frozen (LP-FT).

    The head was fitted on features under ImageNet's batch norm statistics and does not fit those under a batch's:
    without frozen norms, the probe is undone within a step.

    Args:
        lr: Peak learning rate; a tenth of the other baselines', since the head is already trained.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Kumar et al., ICLR 2022, arXiv 2202.10054"
    search: ClassVar[Space] = {**TimmRecipe.search, "lr": LogUniform(1e-5, 1e-3)}

    lr: float = 1e-4

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""

        def equip(network: Network) -> None:
            fit_probe(network, access, self.at_once(BATCH))
            hold_norms(network)

        return Classifier(
            timm_network(access, self, "imagenet, linear probe, norms frozen", equip=equip, need=features_for("lp-ft")),
            self.part_size,
        )


@dataclass(frozen=True)
class BnOnly(TimmRecipe):
    """Fine-tune only the norms and the last layer; all other ImageNet weights stay fixed."""

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Mudrakarta et al., K for the price of 1, ICLR 2019, arXiv 1810.10703"

    def fit(self, access: Access) -> Predictor:
        """Fine-tune the network."""
        return Classifier(
            timm_network(access, self, "imagenet, only norms train", equip=only_norms_train, need=norms_for("bn-only")),
            self.part_size,
        )


STRENGTHS = tuple(float(c) for c in np.logspace(-4, 2, 7))  # C, the inverse of the penalty
BATCH = 64
ABSENT = -1e4  # the logit of a class without training images: a probability of 0, and finite in 16 bits
COPIES = 2  # of the features in float64: these, and scikit-learn's while it fits
WAY_OUT = "choose an arch with fewer features, or train on a smaller fraction of the labels (`medshift protocol make`)"


def fit_probe(network: Network, access: Access, size: int = BATCH) -> None:
    """Fit a network's last layer by logistic regression on the source's training images; move it to the run's device.

    Features are standardised and classes balanced; the penalty with the lowest log loss on source validation is taken.
    A class without training images has a probability of 0.

    Args:
        network: The network.
        access: What may be seen.
        size: Number of images that pass through the network at a time.

    Raises:
        MedshiftError: All training images are of one class, or memory does not suffice for the features.
    """
    present = np.unique(access.train.labels)
    if len(present) < 2:
        names = ", ".join(f"`{access.classes[label]}`" for label in present)
        raise MedshiftError(f"all training images are of class {names}, and a probe needs two: choose another --source")
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss
    from sklearn.utils.class_weight import compute_sample_weight

    network.to(access.device).eval()
    train, val = (frozen_features(network, images, access.device, size) for images in (access.train, access.val))
    mean, spread = train.mean(0), train.std(0) + 1e-6
    for features in (train, val):  # in place: they are the largest arrays here
        features -= mean
        features /= spread
    balanced = compute_sample_weight("balanced", access.val.labels)
    found = []
    for strength in STRENGTHS:
        fitted = LogisticRegression(C=strength, class_weight="balanced", max_iter=2000).fit(train, access.train.labels)
        loss = log_loss(access.val.labels, fitted.predict_proba(val), sample_weight=balanced, labels=fitted.classes_)
        found.append((loss, strength, fitted))
    loss, strength, best = min(found, key=lambda one: one[:2])
    access.report(f"probe with C = {strength:g}: loss {loss:.3f} on source validation")
    weight, bias = best.coef_ / spread, best.intercept_ - (best.coef_ / spread) @ mean
    if len(best.classes_) == 2:  # scikit-learn gives one row: the second class against the first
        weight, bias = np.concatenate([-weight / 2, weight / 2]), np.concatenate([-bias / 2, bias / 2])
    rows = torch.from_numpy(best.classes_).to(access.device)  # there are none of a class without training images
    with torch.no_grad():
        head = network.head
        head.weight.zero_().index_copy_(0, rows, torch.from_numpy(weight).to(head.weight))  # refuses other shapes
        head.bias.fill_(ABSENT).index_copy_(0, rows, torch.from_numpy(bias).to(head.bias))


@torch.inference_mode()
def frozen_features(network: Network, images: Images, device: torch.device, size: int = BATCH) -> NDArray[np.float64]:
    """Compute the inputs of the network's last layer for all images, (N, F).

    Raises:
        MedshiftError: Memory does not suffice for them.
    """
    shape = (len(images), network.head.in_features)
    require_memory(8 * COPIES * shape[0] * shape[1], f"{shape[1]:,} features of {shape[0]:,} images", WAY_OUT)
    found, done = np.empty(shape), 0
    with batches_ahead(images, size, device) as batches:
        for batch in batches:
            found[done : done + len(batch)] = network.features(batch).cpu().numpy()
            done += len(batch)
    return found


def hold_norms(network: Network) -> None:
    """Freeze statistics, gains and offsets of batch norms, in training mode, too."""
    from timm.layers import freeze_batch_norm_2d  # type: ignore[attr-defined]

    network.body = freeze_batch_norm_2d(network.body)  # type: ignore[no-untyped-call]
    for module in network.body.modules():  # those of tokens, as in LeViT, are not timm's to freeze
        if type(module) is nn.BatchNorm1d:
            module.__class__ = HeldBatchNorm1d
            module.requires_grad_(requires_grad=False)


class HeldBatchNorm1d(nn.BatchNorm1d):
    """A batch norm that normalises by its running statistics, in training mode, too."""

    def forward(self, input: Tensor) -> Tensor:
        """Normalise features (N, C) or (N, C, L)."""
        return functional.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)


def only_norms_train(network: Network) -> None:
    """Let only the norms and the last layer of a network train."""
    trained = {id(parameter) for parameter in network.head.parameters()}
    for module in network.modules():
        if is_norm(module):
            trained |= {id(parameter) for parameter in module.parameters()}
    for parameter in network.parameters():
        parameter.requires_grad_(id(parameter) in trained)
