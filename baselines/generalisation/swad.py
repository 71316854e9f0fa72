"""SWAD: dense weight averaging over a flat region of the validation loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from ...benchmark.contract.access import Access
from ...benchmark.contract.predictor import Predictor
from ...benchmark.contract.search_space import Choice, Space
from ...benchmark.contract.sees import Sees
from ...benchmark.contract.training_record import TrainingRecord
from ..common.batches import TrainingBatches
from ..common.recipe import WARM_UP, Recipe, TimmRecipe
from ..common.source_model import timm_network
from ..common.training import Classifier, Loss, train


@dataclass(frozen=True)
class Swad(TimmRecipe):
    """Fine-tune from ImageNet and average the weights of all steps while the source validation loss stays low.

    Batch norm statistics are recomputed on the source for the averaged weights. The learning rate falls as in all
    baselines (the paper's is constant), so the last steps lie close together; training ends where the valley ends, and
    `patience` is ignored. The authors' code starts up to two evaluations earlier than the paper; here the paper is
    followed. Known to need a validation set large enough to show the valley.

    Args:
        converge: Averaging starts at the first loss that is the lowest of `converge` consecutive evaluations. Those on
            the plateau of the start do not count: before the peak of the learning rate, or above 0.9 ln K.
        tolerance: Averaging ends before the first `tolerance` consecutive losses above the threshold.
        rise: Fraction by which the threshold exceeds the mean of the first `converge` losses.
    """

    sees: ClassVar[Sees] = "source"
    paper: ClassVar[str] = "Cha et al., NeurIPS 2021, arXiv 2102.08604"
    search: ClassVar[Space] = {**TimmRecipe.search, "rise": Choice((0.1, 0.2, 0.3, 0.5))}

    converge: int = 3
    tolerance: int = 6
    rise: float = 0.3

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        super().__post_init__()
        if min(self.converge, self.tolerance) < 1 or self.rise < 0:
            raise ValueError("converge and tolerance must be at least 1, rise not negative")

    def fit(self, access: Access) -> Predictor:
        """Train the network and average its weights."""

        def keep(network: nn.Module, access: Access, recipe: Recipe) -> DenseAverage:
            return DenseAverage(network, access, recipe, LossValley(self.converge, self.tolerance, self.rise))

        def learn(network: nn.Module, access: Access, recipe: Recipe, loss: Loss) -> TrainingRecord:
            return train(network, access, recipe, loss, keep)

        name = f"imagenet, swad {self.converge} {self.tolerance} {self.rise}"
        return Classifier(timm_network(access, self, name, learn=learn), self.part_size)


PLATEAU = 0.9  # of ln K, the loss of a guess: above, a network has not left its start


class DenseAverage:
    """Checkpoint policy that keeps the average over all steps in the valley.

    Args:
        network: The network that is trained.
        access: What may be seen.
        recipe: Hyper-parameters; patience is ignored.
        valley: Where the average is taken.
    """

    def __init__(self, network: nn.Module, access: Access, recipe: Recipe, valley: LossValley) -> None:
        self.network, self.access, self.valley, self.recipe = network, access, valley, recipe
        self.parameters = list(network.parameters())
        self.plateau = PLATEAU * math.log(len(access.classes))
        self.began = 0.0  # share of the schedule at which the segment began
        self.segment = self._empty()
        self.over = False

    def after_step(self) -> None:
        """Add the weights to the segment."""
        self.segment.add(self.parameters)

    def after_evaluation(self, loss: float, done: float) -> bool:
        """Close the segment with its loss; return whether it ended in the valley."""
        self.segment.loss = loss
        flat = self.began < WARM_UP or loss > self.plateau
        if not flat or self.valley.inside is not None or (done >= 1 and not self.valley.pending):
            self.valley.add(self.segment)
        self.segment, self.began = self._empty(), done
        self.over = self.valley.over
        return self.valley.inside is not None and not self.over

    def restore(self) -> None:
        """Load the average into the network and recompute its batch norm statistics on the source."""
        with torch.no_grad():
            for parameter, mean in zip(self.parameters, self.valley.average().mean, strict=True):
                parameter.copy_(mean)
        images, draws = self.access.train, torch.Generator().manual_seed(self.access.seed)
        size, mirror = self.recipe.at_once(self.recipe.batch_size), self.recipe.mirror
        with TrainingBatches(images, size, draws, self.access.device, shared=False, mirror=mirror) as batches:
            once = len(images) // min(size, len(images))
            update_bn(islice(batches, once), self.network, self.access.device)

    def state_dict(self) -> dict[str, Any]:
        """Return all that the policy has gathered."""
        return {"segment": self.segment.state_dict(), "valley": self.valley.state_dict(), "began": self.began}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue with what was gathered."""
        device = self.access.device
        self.segment, self.began = Segment.of(state["segment"], device), state["began"]
        self.valley.load_state_dict(state["valley"], device)
        self.over = self.valley.over

    def _empty(self) -> Segment:
        return Segment([torch.zeros_like(parameter) for parameter in self.parameters])


@dataclass
class LossValley:
    """Averages segments from where the loss stops falling to where it has risen.

    Args:
        converge: The valley starts at the first segment whose loss is the lowest of `converge` consecutive segments.
        tolerance: The valley ends before the first `tolerance` consecutive segments above the threshold.
        rise: Fraction by which the threshold exceeds the mean loss of the valley's first `converge` segments.
    """

    converge: int
    tolerance: int
    rise: float

    def __post_init__(self) -> None:
        """Start outside the valley."""
        self.inside: Segment | None = None
        self.pending: list[Segment] = []
        self.threshold = 0.0
        self.over = False

    def add(self, segment: Segment) -> None:
        """Add the next segment; its mean is not copied."""
        if self.over:
            return
        self.pending.append(segment)
        if self.inside is None:
            self.pending = self.pending[-self.converge :]
            losses = [each.loss for each in self.pending]
            if len(losses) < self.converge or losses[0] > min(losses):
                return
            self.threshold = sum(losses) / len(losses) * (1 + self.rise)
            self.inside = self.pending.pop(0)
        while len(self.pending) >= self.tolerance and not self.over:
            self._decide()

    def average(self) -> Segment:
        """Return the average over the valley; the last segment if the loss fell to the end."""
        if self.inside is None:
            return self.pending[-1]
        while self.pending and not self.over:
            self._decide()
        return self.inside

    def state_dict(self) -> dict[str, Any]:
        """Return the segments that count, and what is known of the valley."""
        inside = None if self.inside is None else self.inside.state_dict()
        pending = [each.state_dict() for each in self.pending]
        return {"inside": inside, "pending": pending, "threshold": self.threshold, "over": self.over}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device) -> None:
        """Continue with segments, on a device."""
        self.inside = None if state["inside"] is None else Segment.of(state["inside"], device)
        self.pending = [Segment.of(each, device) for each in state["pending"]]
        self.threshold, self.over = state["threshold"], state["over"]

    def _decide(self) -> None:
        """Add the oldest pending segment to the valley, or end the valley."""
        assert self.inside is not None
        self.over = min(each.loss for each in self.pending[: self.tolerance]) > self.threshold
        first = self.pending.pop(0)
        if not self.over:
            self.inside.add(first.mean, first.steps)


@dataclass
class Segment:
    """Consecutive steps: their mean weights, their number, and the source validation loss after the last."""

    mean: list[Tensor]
    steps: int = 0
    loss: float = 0.0

    def add(self, weights: Sequence[Tensor], steps: int = 1) -> None:
        """Add the weights after a step, or the mean weights of several."""
        self.steps += steps
        for mean, new in zip(self.mean, weights, strict=True):
            mean.lerp_(new.detach(), steps / self.steps)

    def state_dict(self) -> dict[str, Any]:
        """Return the fields; the tensors are not copied."""
        return {"mean": self.mean, "steps": self.steps, "loss": self.loss}

    @classmethod
    def of(cls, state: Mapping[str, Any], device: torch.device) -> Segment:
        """Make a segment of its state, on a device."""
        return cls([mean.to(device) for mean in state["mean"]], state["steps"], state["loss"])
