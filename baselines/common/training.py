"""Supervised training on the labelled source: one loop for all baselines, with a cache of trained networks."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.training_record import TrainingRecord
from ...benchmark.datasets.images import Labelled
from ...benchmark.files.atomic import replace
from ...benchmark.files.code import code_sha256, modules_of
from ...benchmark.files.home import home
from ...shifts.errors import MedshiftError
from .batches import TrainingBatches, batches_ahead
from .checkpoints import BestEvaluation, MakeCheckpointPolicy
from .recipe import Recipe, rate

EVALUATIONS = 40  # of the source validation loss in a schedule
EVALUATION_BATCH = 64

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
    source model train it once, and so does a run that was interrupted after training.

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
        network = build()
        network.to(access.device)
        if len(access.spatial) == 2:
            network.to(memory_format=torch.channels_last)
        start = tell_start(network, access)
        key = weights_key(access, recipe, f"{name} {start}", [build, loss, learn, *parts])
        path = home() / "models" / f"{key}.pt"
        if path.exists():
            kept = torch.load(path, map_location=access.device, weights_only=True)
            network.load_state_dict(kept["weights"])
            record = TrainingRecord(kept["steps"], tuple(kept["losses"]))
            access.report(f"source model {path.stem[:12]} loaded from cache")
        else:
            record = (learn or train)(network, access, recipe, loss)
            save_weights(network, path, record)
    access.trained(record)
    return network.eval()


def tell_start(network: nn.Module, access: Access) -> str:
    """Report the pretrained weights that a network starts from, and return them; empty for none, and for medshift's."""
    found = next((text for module in network.modules() if (text := getattr(module, "start", ""))), "")
    if found:
        access.report(f"starts from {found}")
    return str(found)


def save_weights(network: nn.Module, path: Path, record: TrainingRecord) -> None:
    """Save a network's weights and how it was trained; torch's own writer reports a full disk as an internal error."""
    buffer = io.BytesIO()
    torch.save({"weights": network.state_dict(), "steps": record.steps, "losses": list(record.losses)}, buffer)
    with replace(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


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
    code = code_sha256(modules_of(source_network, *parts))
    what = [access.content, settings, name, access.seed, str(access.device), torch.get_num_threads(), code]
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
    only augmentation is geometric: mirroring and translation by a few pixels; nothing that resembles a scored shift.

    Args:
        network: In any mode.
        access: What may be seen.
        recipe: Hyper-parameters.
        loss: Loss of one training batch.
        keep: Makes the checkpoint policy.

    Returns:
        The record of the training.
    """
    weights = class_weights(access.train, len(access.classes)).to(access.device)
    length, every = recipe.length, max(1, round(recipe.length / EVALUATIONS))
    optimiser = torch.optim.AdamW(parameter_groups(network, recipe.weight_decay), lr=recipe.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate((step + 1) / (length + 1)))
    draws = torch.Generator().manual_seed(access.seed)
    kept = keep(network, access, recipe)
    losses: list[Tensor] = []
    evaluated: list[tuple[int, float]] = []
    network.train()
    shared = loss is not cross_entropy  # others draw target images, pairs to mix, shifts
    with TrainingBatches(access.train, recipe.batch_size, draws, access.device, shared=shared) as batches:
        for step, (images, labels) in zip(range(1, length + 1), batches, strict=False):
            cost = loss(network, images, labels, weights, draws)
            optimiser.zero_grad(set_to_none=True)
            cost.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            losses.append(cost.detach())
            kept.after_step()
            if step % every and step < length:
                continue
            chosen, mean = validation_loss(network, access, weights), float(torch.stack(losses).mean())
            if not (math.isfinite(chosen) and math.isfinite(mean)):
                raise MedshiftError(f"training diverged by step {step}: the loss is not finite. Try a lower lr")
            better = kept.after_evaluation(chosen, step / length)
            evaluated.append((step, chosen))
            access.report(
                f"step {step}/{length}: loss {mean:.3f}, on source validation {chosen:.3f}{' *' if better else ''}"
            )
            if kept.over:
                break
            losses.clear()
            network.train()
    kept.restore()
    return TrainingRecord(length, tuple(evaluated))


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Group trainable parameters for an optimiser: weights with decay, biases and norms without."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]


def class_weights(images: Labelled, classes: int) -> Tensor:
    """Return weights (K,) that give all classes present the same total, with a mean of 1 over the images."""
    counts = torch.bincount(torch.from_numpy(images.labels), minlength=classes).float()
    weights = torch.where(counts > 0, 1 / counts.clamp(min=1), 0.0)
    return weights * (counts.sum() / (weights * counts).sum())


@torch.inference_mode()
def validation_loss(network: nn.Module, access: Access, weights: Tensor) -> float:
    """Return the class-balanced cross-entropy on source validation."""
    network.eval()
    total = weight = 0.0
    labels = torch.from_numpy(access.val.labels).to(access.device)
    with batches_ahead(access.val, EVALUATION_BATCH, access.device) as batches:
        for images, batch in zip(batches, torch.split(labels, EVALUATION_BATCH), strict=True):
            total += float(nn.functional.cross_entropy(network(images), batch, weights, reduction="sum"))
            weight += float(weights[batch].sum())
    return total / weight


class Classifier:
    """A trained network as a predictor."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval()

    @torch.inference_mode()
    def __call__(self, images: Tensor) -> Tensor:
        """Return probabilities (N, K)."""
        probabilities: Tensor = self.network(images).softmax(1)
        return probabilities
