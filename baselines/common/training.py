"""Supervised training on the labelled source: one loop for all baselines, with a cache of trained networks."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.precision import computing_in, scaler
from ...benchmark.contract.training_record import Curve, Evaluation, TrainingRecord
from ...benchmark.contract.weights_record import WeightsRecord
from ...benchmark.files.code import code_sha256, modules_of
from ...benchmark.files.home import models
from ...benchmark.scoring.metrics import METRICS
from ...shifts.errors import MedshiftError
from ..networks.network import parameter_groups
from .batches import TrainingBatches, batches_ahead, class_weights, tell_mirrored
from .checkpoints import BestEvaluation, CheckpointPolicy, MakeCheckpointPolicy
from .recipe import Recipe, rate
from .training_state import Stage, StateFile, alone, kept_in, load_weights, save_weights

EVALUATION_BATCH = 64
FIGURE = "balanced_accuracy"  # on source validation, beside the loss; it decides nothing

Loss: TypeAlias = "Callable[[nn.Module, Tensor, Tensor, Tensor, torch.Generator], Tensor]"
TrainFunction: TypeAlias = "Callable[[nn.Module, Access, Recipe, Loss], TrainingRecord]"


def cross_entropy(
    network: nn.Module, images: Tensor, labels: Tensor, weights: Tensor, draws: torch.Generator
) -> Tensor:
    """Return the class-weighted cross-entropy of labelled source images: the default loss."""
    return nn.functional.cross_entropy(network(images), labels, weights)


def source_network(
    access: Access,
    recipe: Recipe,
    name: str,
    build: Callable[[], nn.Module],
    loss: Loss = cross_entropy,
    learn: TrainFunction | None = None,
    parts: Sequence[object] = (),
) -> nn.Module:
    """Train a network on the source, or load it if it was trained before.

    Weights are cached in medshift's home folder, keyed by a hash of everything they depend on: methods that share a
    source model train it once, at the same time, too, and so does a run that was interrupted after training. One that
    is interrupted during training resumes from the state that is kept beside them (`training_state`).

    Args:
        access: What may be seen; only the source is used, except by `loss` and `learn`.
        recipe: Hyper-parameters.
        name: Describes `build`, `loss` and `learn` with every setting of theirs that is not the recipe's.
        build: Returns the network with its initial weights; torch's global generator has the run's seed inside.
        loss: Loss of one training batch: (network, images, labels, class weights, random numbers) -> loss.
        learn: Trains the network in place; `train` by default.
        parts: Further functions and objects whose code decides the trained weights, such as those that `build` calls.
            The code of `build`, `loss`, `learn` and of all that their modules import is part of the key in any case.

    Returns:
        The network in evaluation mode, on the run's device.
    """
    with seeded(access):
        network = computing_in(build(), access.precision)
        network.to(access.device)
        if len(access.spatial) == 2:
            network.to(memory_format=torch.channels_last)
        start = tell_start(network, access)
        tell_mirrored(access, mirror=recipe.mirror)
        access.started(network)
        key = weights_key(access, recipe, f"{name} {start}", [build, loss, learn, *parts])
        path = models() / f"{key}.pt"
        record = load_weights(network, path, access)
        if record is None:
            with alone(path, access):
                record = load_weights(network, path, access)  # another process may have trained it meanwhile
                if record is None:
                    state = StateFile(path.with_suffix(".state"), key, access.report)
                    with kept_in(state):
                        record = (learn or train)(network, access, recipe, loss)
                        save_weights(network, path, record)
                    state.remove()
    access.trained(record)
    return network.eval()


def tell_start(network: nn.Module, access: Access) -> str:
    """Report the pretrained weights that a network starts from, for the card, too.

    Returns:
        Their name and hash; empty for random weights, and for those that come with medshift.
    """
    found = next((text for module in network.modules() if (text := getattr(module, "start", ""))), "")
    record = next((own for module in network.modules() if (own := getattr(module, "starts_from", None))), None)
    if isinstance(record, WeightsRecord):
        access.starts_from(record)
        if found:
            access.report(f"starts from {record}")
    return str(found)


@contextmanager
def seeded(access: Access) -> Iterator[None]:
    """Seed torch's global generator with the run's seed, and restore it afterwards."""
    with torch.random.fork_rng(devices=[access.device] if access.device.type == "cuda" else []):
        torch.manual_seed(access.seed)
        yield


def weights_key(access: Access, recipe: Recipe, name: str, parts: Sequence[object] = ()) -> str:
    """Hash everything that decides the trained weights: data, settings, seed, code, versions, device, threads."""
    # Recipe's own fields only: a baseline's further settings are in `name` where they matter
    settings = {field.name: getattr(recipe, field.name) for field in dataclasses.fields(Recipe)}
    if recipe.mirror:  # as before there was a choice, so that what is cached is found
        del settings["mirror"]
    code = code_sha256(modules_of(source_network, *parts))
    what = [access.content, settings, name, access.seed, str(access.device), torch.get_num_threads(), code]
    what.append(access.precision)
    what += [version(name) for name in ("torch", "timm", "scikit-learn")]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def train(
    network: nn.Module,
    access: Access,
    recipe: Recipe,
    loss: Loss = cross_entropy,
    keep: MakeCheckpointPolicy = BestEvaluation,
) -> TrainingRecord:
    """Train a network in place; by default, keep the weights with the lowest loss on source validation.

    AdamW, classes weighted by inverse frequency, the loss on source validation evaluated forty times in a schedule. The
    only augmentation is geometric: mirroring (unless `recipe.mirror` is False) and translation by a few pixels; nothing
    that resembles a scored shift.

    Args:
        network: In any mode.
        access: What may be seen.
        recipe: Hyper-parameters.
        loss: Loss of one training batch.
        keep: Makes the checkpoint policy.

    Returns:
        The record of the training.
    """
    stage = Stage(network, access.device, loss)
    before = stage.result()
    if before is not None:
        return TrainingRecord.of_curve(recipe.length, Curve.of_rows(FIGURE, before["evaluations"]))
    loop = _Loop(network, access, recipe, loss, keep(network, access, recipe))
    stage.resume(loop.parts())
    network.train()
    with loop.batches:
        while loop.done < loop.length:
            loop.step()
            if loop.done % loop.every and loop.done < loop.length:
                continue
            loop.evaluate()
            if loop.policy.over:
                break
            network.train()
            if loop.done < loop.length:
                stage.offer(f"step {loop.done:,} of {loop.length:,}")
    loop.policy.restore()
    stage.end({"evaluations": loop.evaluations})
    return TrainingRecord.of_curve(loop.length, Curve.of_rows(FIGURE, loop.evaluations))


class _Loop:
    """Everything that the steps of a training change.

    Args:
        network: As of `train`, and so are the others.
        access: What may be seen.
        recipe: Hyper-parameters.
        loss: Loss of one training batch.
        policy: Decides which weights are kept.
    """

    def __init__(
        self, network: nn.Module, access: Access, recipe: Recipe, loss: Loss, policy: CheckpointPolicy
    ) -> None:
        self.network, self.access, self.recipe, self.loss, self.policy = network, access, recipe, loss, policy
        self.weights = class_weights(access.train, len(access.classes)).to(access.device)
        self.length, self.every = recipe.length, recipe.between_evaluations(len(access.val))
        self.optimiser = torch.optim.AdamW(parameter_groups(network, recipe.weight_decay), lr=recipe.lr)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, lambda n: rate((n + 1) / (self.length + 1)))
        self.scaler = scaler(access)
        self.draws = torch.Generator().manual_seed(access.seed)
        shared = loss is not cross_entropy  # others draw target images, pairs to mix, shifts
        self.batches = TrainingBatches(
            access.train, recipe.batch_size, self.draws, access.device, shared=shared, mirror=recipe.mirror
        )
        self.done = 0
        self.costs: list[Tensor] = []  # since the last evaluation
        self.evaluations: list[Evaluation] = []
        self.begin = time.monotonic()  # less the seconds of the processes before

    def step(self) -> None:
        """Take one step of the optimiser."""
        images, labels = next(self.batches)
        self.optimiser.zero_grad(set_to_none=True)
        self.costs.append(self._add_gradients(images, labels))
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.schedule.step()
        self.policy.after_step()
        self.done += 1

    def _add_gradients(self, images: Tensor, labels: Tensor) -> Tensor:
        """Add the gradients of a batch to the parameters, part by part, and return its loss."""
        parts = self.recipe.parts(len(images))
        total = torch.zeros((), device=images.device)
        for some, own in zip(images.tensor_split(parts), labels.tensor_split(parts), strict=True):
            cost = self.loss(self.network, some, own, self.weights, self.draws)
            if parts > 1:  # a weighted mean over a part: with its share of the weight, the sum is that over the batch
                cost = cost * (self.weights[own].sum() / self.weights[labels].sum())
            self.scaler.scale(cost).backward()
            total = total + cost.detach()
        return total

    def evaluate(self) -> None:
        """Compute the loss on source validation, let the policy decide, and note both losses and the figure."""
        chosen, figure = validate(self.network, self.access, self.weights, self.recipe.at_once(EVALUATION_BATCH))
        mean = float(torch.stack(self.costs).mean())
        if not (math.isfinite(chosen) and math.isfinite(mean)):
            raise MedshiftError(f"training diverged by step {self.done}: the loss is not finite. Try a lower lr")
        better = self.policy.after_evaluation(chosen, self.done / self.length)
        images, seconds = self.done * self.batches.size, round(time.monotonic() - self.begin, 3)
        epoch, last = images / len(self.access.train), self.recipe.lr * rate(self.done / (self.length + 1))
        self.evaluations.append((self.done, epoch, images, last, mean, chosen, figure, seconds))
        self.costs.clear()
        mark = " *" if better else ""
        self.access.report(f"step {self.done}/{self.length}: loss {mean:.3f}, on source validation {chosen:.3f}{mark}")

    def parts(self) -> dict[str, object]:
        """Return what the state of a training consists of, right after an evaluation, besides network and loss."""
        names = ("optimiser", "schedule", "scaler", "batches", "policy")
        return {**{name: getattr(self, name) for name in names}, "position": self}

    def state_dict(self) -> dict[str, object]:
        """Return the position."""
        return {"done": self.done, "evaluations": self.evaluations}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue at a position, right after an evaluation; steps after it that were lost count once."""
        self.done, self.evaluations = state["done"], [*map(tuple, state["evaluations"])]
        self.begin = time.monotonic() - self.evaluations[-1][-1]


@torch.inference_mode()
def validate(network: nn.Module, access: Access, weights: Tensor, size: int) -> tuple[float, float | None]:
    """Return the cross-entropy on source validation, weighted as in training, and the figure of the same predictions.

    Training and validation have the same proportions of classes where medshift splits. The figure may be None.
    """
    network.eval()
    total = weight = 0.0
    labels, made = torch.from_numpy(access.val.labels).to(access.device), []
    with batches_ahead(access.val, size, access.device) as batches:
        for images, batch in zip(batches, torch.split(labels, size), strict=True):
            outputs = network(images)
            total += float(nn.functional.cross_entropy(outputs, batch, weights, reduction="sum"))
            weight += float(weights[batch].sum())
            made.append(outputs.softmax(1))
    probabilities, alone = torch.cat(made).float().cpu().numpy(), np.zeros(len(labels), dtype=np.int64)
    figure = float(METRICS[FIGURE].function(access.val.labels, probabilities, alone, np.ones((1, 1)))[0])
    return total / weight, None if math.isnan(figure) else figure


class Classifier:
    """A trained network as a predictor.

    Args:
        network: The network.
        part_size: Number of images that pass through it at a time; 0 for all. Batch norms on batch statistics need all.
    """

    def __init__(self, network: nn.Module, part_size: int = 0) -> None:
        self.network, self.part_size = network.eval(), part_size

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K)."""
        parts = torch.split(images, self.part_size) if self.part_size else (images,)
        made = [self.network(part).softmax(1) for part in parts]
        return made[0] if len(made) == 1 else torch.cat(made)
