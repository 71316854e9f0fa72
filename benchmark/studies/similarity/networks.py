"""A network before and after its training: the one that runs keep in the cache, trained if it is missing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ....shifts.errors import MedshiftError
from ...protocols.arrange import arrange_like
from ...runs.job import Job, access_of
from .activations import Prefixes, stages_of


@dataclass(frozen=True)
class Trained:
    """A network of one arm and seed.

    Args:
        arm: Name of the arm.
        seed: Seed of training.
        before: At its initial weights.
        after: Trained on the source.
    """

    arm: str
    seed: int
    before: nn.Module
    after: nn.Module


def train_network(arm: str, job: Job, device: torch.device, report: Callable[[str], None]) -> Trained:
    """Fit a job's baseline as its run does, and keep the network of the source before and after.

    Its key in the cache is that of the run, so the same seed gives the same network, and after a run it is loaded.

    Args:
        arm: Name of the arm.
        job: The run; its folder is neither read nor written.
        device: From `environment.prepare`, with the run's number of threads.
        report: Called with a line of progress.

    Raises:
        MedshiftError: The baseline trains no network on the source.
    """
    kept: list[tuple[nn.Module, nn.Module]] = []
    job = replace(job, dataset=arrange_like(job.dataset, job.protocol, job.table))
    access = access_of(job, device, report)
    job.baseline.fit(replace(access, started=lambda network: kept.append((copy.deepcopy(network), network))))
    if not kept:
        raise MedshiftError(
            f"baseline {job.name!r} trains no network on the source, so there is nothing to compare before and after: "
            "choose another, such as imagenet-finetune"
        )
    before, after = kept[-1]
    return Trained(arm, job.seed, before.eval(), after.eval())


def on_one_device(trained: Trained, device: torch.device) -> Trained:
    """Return a network on a device; networks that are compared look at the same batches there."""
    return replace(trained, before=trained.before.to(device), after=trained.after.to(device))


def distances(trained: Trained) -> list[float]:
    """Compute how far the weights of each stage moved: the L2 norm of their change over that of their initial values.

    Weights are all parameters of the stage, with gains and offsets of norms, without running statistics.
    """
    _, prefixes = stages_of(trained.before)
    start, end = (_parameters(network, prefixes) for network in (trained.before, trained.after))
    moved = [
        (float(torch.linalg.vector_norm(b - a)), float(torch.linalg.vector_norm(a)))
        for a, b in zip(start, end, strict=True)
    ]
    return [change / size if size else float("nan") for change, size in moved]


def same_start(one: Trained, other: Trained) -> bool:
    """Return whether two networks start from the same weights below the last layer, as from ImageNet."""
    _, prefixes = stages_of(one.before)
    pairs = zip(_parameters(one.before, prefixes), _parameters(other.before, prefixes), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def _parameters(network: nn.Module, prefixes: Prefixes) -> list[Tensor]:
    """Return all weights of each stage in one row."""
    body, _ = stages_of(network)
    own = dict(body.named_parameters())
    return [
        torch.cat(
            [
                value.detach().double().flatten().cpu()
                for name, value in own.items()
                if name.startswith(tuple(f"{part}." for part in prefix))
            ]
        )
        for prefix in prefixes
    ]
