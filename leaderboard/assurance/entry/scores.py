"""Read one entry, and compute any figure of it: mean over its seeds, with patients and seeds resampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ....benchmark.protocols.condition import Condition
from ....benchmark.protocols.folder import read_protocol
from ....benchmark.protocols.protocol import Protocol
from ....benchmark.scoring.answered import estimate_kept
from ....benchmark.scoring.bootstrap import REPLICATES, ResampledSplit, resampled_splits, split_key
from ....benchmark.scoring.estimate import Estimate
from ....benchmark.scoring.metrics import METRICS, metrics_by_name
from ....benchmark.scoring.refused import OWN, answered, wrong_answers
from ....benchmark.scoring.scores import by_condition
from ....benchmark.scoring.thresholds import thresholds
from ....benchmark.submissions import submission
from ....benchmark.submissions.card import CARD_FILE
from ....benchmark.submissions.fields import SEED_FOLDER
from ....shifts.errors import MedshiftError
from ...entries.entries import Entry, ProtocolFolder, Seed, check_seeds, refusal_line
from ...entries.scoring import over_seeds
from ..criteria.criterion import COVERAGE, OF_A_CLASS
from .rejections import Rejected, coverage

Arrays = Mapping[str, NDArray[np.float32]]
Splits = Mapping[tuple[str, str], ResampledSplit]
OPPOSITE = {"sensitivity": "specificity", "specificity": "sensitivity", "auroc": "auroc"}


@dataclass(frozen=True, eq=False)
class EntryScores:
    """One entry and its figures, each computed when it is first asked for.

    Args:
        folder: Protocol and truth.
        name: Name of the entry.
        seeds: Its checked submissions.
        arrays: Probabilities by condition, one mapping per seed.
        rejected: Refused images by condition, one mapping per seed.
        splits: Result of `bootstrap.resampled_splits`.
    """

    folder: ProtocolFolder
    name: str
    seeds: tuple[Seed, ...]
    arrays: tuple[Arrays, ...]
    rejected: tuple[Rejected, ...]
    splits: Splits
    _found: dict[tuple[str, str], dict[str, Estimate]] = field(default_factory=dict, repr=False)

    @property
    def protocol(self) -> Protocol:
        """Its protocol."""
        return self.folder.protocol

    @property
    def clean(self) -> Condition:
        """The source's own test images."""
        return next(c for c in self.protocol.conditions() if c.kind == "clean")

    @property
    def sites(self) -> list[Condition]:
        """The test images of the source and of every other site."""
        return [c for c in self.protocol.conditions() if c.kind in ("clean", "real")]

    def split(self, condition: Condition) -> ResampledSplit:
        """Return the samples of a condition, with their resamples."""
        return self.splits[split_key(condition)]

    def figures(self, metric: str, class_: str = "") -> dict[str, Estimate]:
        """Return key of the condition -> figure, source validation among them.

        Args:
            metric: A metric, or `coverage`.
            class_: For sensitivity, specificity and AUROC of one class: its name, against the rest.
        """
        key = (metric, class_ if metric in OF_A_CLASS else "")
        if key not in self._found:
            self._compute(*key)
        return self._found[key]

    def clean_figure(self, metric: str, class_: str, site: Condition) -> tuple[Estimate, bool]:
        """Return the source's figure that a site's can be compared with, and whether it leaves classes out.

        A mean over classes at a site that lacks one is of other classes, which may be easier: so the source's is then
        that of the site's classes, too.
        """
        own, other = self.split(self.clean).labels, self.split(site).labels
        kept = np.isin(own, other)
        mean = metric in METRICS and METRICS[metric].by_class and not class_
        if kept.all() or not mean or (METRICS[metric].of is not None and len(self.protocol.dataset.classes) == 2):
            return self.figures(metric, class_)[self.clean.key], False
        validation = next(c for c in self.protocol.conditions() if c.kind == "validation")
        labels, key = self.split(validation).labels, self.clean.key
        each = [
            estimate_kept(
                self.clean,
                metrics_by_name([metric]),
                self.split(self.clean),
                kept,
                arrays[key][kept],
                thresholds(labels, arrays[validation.key]),
            )[metric]
            for arrays in self.arrays
        ]
        return over_seeds(each), True

    def _compute(self, metric: str, class_: str) -> None:
        classes = self.protocol.dataset.classes
        if metric == COVERAGE:
            may = any(seed.card.may_refuse for seed in self.seeds)
            each = [coverage(self.protocol, self.splits, found, may_refuse=may) for found in self.rejected]
            self._found[metric, class_] = _averaged(each)
        elif not class_ or (len(classes) == 2 and class_ == classes[1]):
            self._score(self.splits, self.arrays, "")
        elif len(classes) == 2:  # a frozen threshold separates both: one's sensitivity is the other's specificity
            self._found[metric, class_] = self.figures(OPPOSITE[metric], classes[1])
        else:
            number = classes.index(class_)
            splits = {where: _against_rest(split, number) for where, split in self.splits.items()}
            arrays = [{key: _two_columns(p, number) for key, p in given.items()} for given in self.arrays]
            self._score(splits, tuple(arrays), class_)

    def _score(self, splits: Splits, arrays: tuple[Arrays, ...], class_: str) -> None:
        """Score all metrics of a class at once: they share most of the work, and most of them are asked for."""
        together = OF_A_CLASS if class_ else tuple(METRICS)
        each = [by_condition(self.protocol, self.folder.truth, a, drawn=splits, metrics=together)[0] for a in arrays]
        for name in together:
            found = _averaged([{key: by[name] for key, by in one.items()} for one in each])
            self._found[name, class_] = found
            if not class_ and name in OF_A_CLASS and self.protocol.positive:
                self._found[name, self.protocol.positive] = found


def read_entry(path: Path, replicates: int = REPLICATES) -> EntryScores:
    """Read an entry with all its seeds, or one seed of it.

    Args:
        path: `PROTOCOL/ENTRY` or `PROTOCOL/ENTRY/seed-N`, as `medshift run` writes them.
        replicates: Number of resamples of the groups.

    Raises:
        MedshiftError: No seed of the entry is finished, or one of them is invalid.
    """
    seeds, home = _seeds(path.absolute()), protocol_home(path)
    protocol, truth = read_protocol(home)
    folder = ProtocolFolder(home, protocol, truth)
    checked, refused = check_seeds(folder, Entry(seeds[0].parent.name, tuple(seeds)))
    if refused:
        raise MedshiftError("\n".join(refused))
    unresampled = resampled_splits(protocol, truth, 0)
    found = [
        submission.examine_and_score(seed.folder, protocol, truth, unresampled, expected=folder.expected)
        for seed in checked
    ]
    refused = [refusal_line(s.folder, each.problems) for s, each in zip(checked, found, strict=True) if each.problems]
    if refused:
        raise MedshiftError("\n".join(refused))
    return EntryScores(
        folder,
        seeds[0].parent.name,
        tuple(checked),
        tuple(each.arrays for each in found),
        tuple(each.rejected for each in found),
        resampled_splits(protocol, truth, replicates),
    )


def protocol_home(path: Path) -> Path:
    """Return the folder of an entry's protocol, given the entry's folder or that of a seed."""
    path = path.absolute()
    return path.parent.parent if _is_seed(path) else path.parent


def _is_seed(path: Path) -> bool:
    return SEED_FOLDER.fullmatch(path.name) is not None


def _seeds(path: Path) -> list[Path]:
    """List the finished seeds of an entry's folder in order; of a seed's folder, itself."""
    if _is_seed(path):
        return [path]
    if not path.is_dir():
        raise MedshiftError(f"{path} is not a folder: give PROTOCOL/ENTRY, or PROTOCOL/ENTRY/seed-N")
    found = [each for each in path.iterdir() if SEED_FOLDER.fullmatch(each.name)]
    finished = [each for each in found if (each / CARD_FILE).exists()]
    if not finished:
        raise MedshiftError(f"{path} holds no finished submission: give PROTOCOL/ENTRY, as `medshift run` writes it")
    return sorted(finished, key=lambda each: int(each.name.removeprefix("seed-")))


def _averaged(each: list[dict[str, Estimate]]) -> dict[str, Estimate]:
    return {key: over_seeds([one[key] for one in each]) for key in each[0]}


def _against_rest(split: ResampledSplit, number: int) -> ResampledSplit:
    return replace(split, labels=(split.labels == number).astype(np.int64))


def _two_columns(probabilities: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    own = probabilities[:, number]
    two = np.stack([1 - own, own], axis=1)
    refused = ~answered(probabilities)
    two[refused] = wrong_answers((own[refused] == OWN).astype(np.int64), 2)
    return two
