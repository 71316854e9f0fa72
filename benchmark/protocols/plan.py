"""Plan a protocol and its truth from a data set and a few choices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import pandas as pd

from ...shifts import catalogue
from ...shifts.errors import MedshiftError, near
from ..datasets import registry
from ..datasets.dataset import Dataset
from ..datasets.facts import DatasetFacts
from ..datasets.streaming.scaling import size_problem
from ..files.listed import pick
from ..files.names import folder_name
from ..files.wording import plural
from . import splits, truth
from .arrange import arrange
from .choices import Choices as Choices
from .choices import require_known
from .folder import unscorable
from .protocol import Confounded, Protocol, invalid
from .training_sets.confounding import confound
from .untested import require_tested

LEVELS = (0.97, 0.94, 0.88, 0.80, 0.70)  # mean structural similarity at matched severities 1..5
STEPS = 100  # matched severities are multiples of 1/100: 2.41, not 2.4137

#: Data set, truth with a column `row`, protocol -> shift -> severities
Match: TypeAlias = Callable[[Dataset, pd.DataFrame, Protocol], dict[str, tuple[float, ...]]]


def plan(
    dataset: Dataset,
    choices: Choices,
    source: str = "",
    match: Match | None = None,
) -> tuple[Protocol, pd.DataFrame]:
    """Plan a protocol; return it and its truth with a column `row`, the index of each sample in the data set.

    Args:
        dataset: The data set; the protocol is that of `arrange.arrange(dataset, choices)`.
        choices: The user's choices.
        source: The data set's own source domain, if it has one; its protocol is then named after the data set.
        match: Finds the severities of a `matched` protocol (see `severity.matching`).

    Raises:
        ValueError: The choices ask for matched severities, and there is no `match`.
        MedshiftError: A domain, shift, family or severity does not exist or does not suit the data.
    """
    given, dataset = dataset, arrange(dataset, choices)
    trained = choices.source or source or dataset.domains[0]
    others = tuple(sorted(name for name in dataset.domains if name != trained))
    targets = pick(choices.targets, dataset.domains, "domain") or others
    if trained in targets:
        raise MedshiftError(f"domain {trained!r} cannot be both source and target")
    rows = dataset.table.assign(row=range(len(dataset.table)))
    leave_out = partial(registry.leave_out, dataset.name, dataset.version)
    table = splits.split(rows, trained, targets, dataset.classes, adapt=choices.adapt, leave_out=leave_out)
    require_tested(rows, table, trained, targets, adapt=choices.adapt)
    stored = truth.tidy(table)
    names = shift_names(dataset, choices)
    base = dataset.name if trained == source else f"{dataset.name}-from-{trained}"
    made = Protocol(
        name=folder_name(base, [f"{dataset.name}-from-{name}" for name in dataset.domains]),
        dataset=_facts(dataset),
        truth_sha256=truth.digest(stored),
        source=trained,
        targets=targets,
        shifts={name: catalogue.shift_info(name).family for name in names},
        severities=choices.severities,
        grey_levels=dataset.grey_levels if choices.requantise else 0,
        size=_size(dataset, choices.size),
    )
    wrong = invalid(made) or unscorable(made, stored)  # now, rather than when the submission is read
    if wrong:
        raise MedshiftError(f"{dataset.name!r} cannot be tested with these choices: {wrong}")
    full = stored.merge(table[["sample_id", "row"]].astype({"sample_id": str}), on="sample_id")
    if choices.scale == "matched":
        if match is None:
            raise ValueError("matched severities need the argument `match`")
        made = made.model_copy(update={"matched": match(dataset, full, made)})
    if choices.confound is not None:  # after matching: severities stay those of the source's own training images
        made, full = _confounded(made, full, choices)
    elif choices.confound_with:
        raise MedshiftError("--with names the site that goes with the label: give --confound with it, from 0 to 1")
    neutral = replace(choices, positive="", groups_per_domain=False, ignore_split=False)  # they show in the data
    if neutral != Choices(source=choices.source) or dataset is not given:
        # not the standard test, so it must not share its folder
        made = made.model_copy(update={"name": f"{made.name[:100]}-{made.sha256[:8]}"})
    return made, full


def _confounded(protocol: Protocol, table: pd.DataFrame, choices: Choices) -> tuple[Protocol, pd.DataFrame]:
    """Let a target go with the label in training and source validation."""
    strength, domain, targets = choices.confound, choices.confound_with, protocol.targets
    if strength is None or not 0 <= strength <= 1:
        raise MedshiftError(f"--confound takes Cramer's V, 0 to 1, not {strength}")
    if domain not in targets:
        what = f"--with: no target {domain!r}.{near(domain, targets)}" if domain else "--confound needs --with DOMAIN."
        raise MedshiftError(f"{what} Choose the site that goes with the label: one of {', '.join(targets) or 'none'}")
    if not choices.adapt:
        raise MedshiftError("--confound trains on images that are kept to adapt to: leave out --no-adapt")
    classes = protocol.dataset.classes
    mixed = confound(table, protocol.source, domain, strength, choices.confound_seed, classes)
    splits.check(mixed, protocol.source, classes, mixed=domain)
    told = Confounded(domain=domain, cramers_v=float(strength), seed=choices.confound_seed)
    return protocol.model_copy(update={"confounded": told, "truth_sha256": truth.digest(mixed)}), mixed


def _size(dataset: Dataset, size: int) -> int:
    """Return the size of a protocol: 0 for that of the stored images."""
    problem = size_problem(dataset.spatial, size, "--size")
    if problem:
        raise MedshiftError(problem)
    return 0 if size == max(dataset.spatial) else size


def _facts(dataset: Dataset) -> DatasetFacts:
    return DatasetFacts(
        name=dataset.name,
        version=dataset.version,
        classes=dataset.classes,
        modality=dataset.modality,
        channels=dataset.channels,
        image_size=dataset.spatial,
        simulated=dataset.simulated,
        licence=dataset.licence,
        citation=dataset.citation,
    )


def unreached_levels(protocol: Protocol) -> list[str]:
    """Describe, one line each, the shifts of a matched protocol that do not reach all levels."""
    lines = []
    wanted = ", ".join(f"{LEVELS[severity - 1]:g}" for severity in protocol.severities)
    for name, fractions in protocol.matched.items():
        which = [text for text, end in (("milder", 1 / STEPS), ("stronger", 5.0)) if end in fractions]
        if which or len(fractions) < len(protocol.severities):
            kept = ", ".join(f"{fraction:g}" for fraction in fractions)
            lines.append(
                f"{name}: severities 0 to 5 do not reach all of SSIM {wanted} (it would have to be "
                f"{' or '.join(which) or 'finer'}); it is tested at {kept}"
            )
    return lines


def shift_names(dataset: Dataset, choices: Choices) -> list[str]:
    """Return the shifts that the choices name, or else the built-in ones that suit the data.

    Raises:
        MedshiftError: A shift or family does not exist or does not suit the data, or no shift remains.
    """
    require_known(choices)
    dims = len(dataset.spatial)
    names = list(dict.fromkeys(choices.shifts))
    if not names:
        usual = catalogue.shifts_for_modality(dataset.modality, dims=dims, channels=dataset.channels)
        names = [name for name in usual if not _too_thin(dataset, name)]
    for name in names:
        entry = catalogue.shift_info(name)
        if dims not in entry.dims or not {0, dataset.channels} & set(entry.channels):
            raise MedshiftError(
                f"shift {name!r} does not accept the {dims}-D images with {plural(dataset.channels, 'channel')} of "
                f"{dataset.name!r}"
            )
        if _too_thin(dataset, name):
            raise MedshiftError(
                f"shift {name!r} needs {entry.slices} slices or more for severities that differ; the volumes of "
                f"{dataset.name!r} have {dataset.spatial[0]}"
            )
    chosen = [name for name in names if not choices.families or catalogue.shift_info(name).family in choices.families]
    if not chosen:
        raise MedshiftError(f"none of the chosen shifts belongs to families {', '.join(choices.families)}")
    return chosen


def _too_thin(dataset: Dataset, shift: str) -> bool:
    """Return whether volumes have too few slices for the five severities of a shift."""
    return len(dataset.spatial) == 3 and dataset.spatial[0] < catalogue.shift_info(shift).slices
