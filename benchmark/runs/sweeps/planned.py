"""The runs of a sweep: each is one submission to be made, its place and the command that makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

from ....shifts.errors import MedshiftError
from ...contract import registry
from ...contract.precision import DEFAULT, Precision
from ...contract.registry import Baseline
from ...datasets.manifest import local_sha256
from ...datasets.streaming.progress import Bar, no_bar
from ...files import locks
from ...files.atomic import sha256
from ...protocols.choices import Choices
from ...protocols.protocol import Protocol
from ...protocols.untested import require_adaptation
from ...submissions import card, siblings
from ...submissions.predictions import PREDICTIONS_FILE
from .. import terms
from ..job import entry_of, made_key, settings_key
from ..tuning import Budget, budget
from . import methods, options
from .sweep import ProtocolChoice, Sweep, typed

if TYPE_CHECKING:
    import pandas as pd

UNSAID = ("size", "confound", "confound_with", "confound_seed")  # choices that no option of `medshift run` makes
#: `blocked`: another submission stands in the run's way, so that the run would fail or be refused.
State: TypeAlias = Literal["done", "running", "to do", "blocked"]
#: Called with the index of a protocol that the data refuse, and why; raises.
Refuse: TypeAlias = Callable[[int, str], NoReturn]


@dataclass(frozen=True)
class Study:
    """A protocol of a sweep, made from the data.

    Args:
        choice: What was chosen.
        protocol: The protocol.
        table: Its truth.
        images_sha256: Of a folder's images (`manifest.local_sha256`).
    """

    choice: ProtocolChoice
    protocol: Protocol
    table: pd.DataFrame
    images_sha256: str | None = None


@dataclass(frozen=True)
class PlannedRun:
    """One run of a sweep.

    Args:
        name: Name of the baseline, or `my_module:MyBaseline`.
        settings: Hyper-parameters as typed, `key=value`.
        baseline: The baseline itself.
        study: What it is tested on.
        seed: Seed of training.
        tried: Tuning budget.
        submitter: Who answers for the submission.
        precision: Number format that the network computes in.
    """

    name: str
    settings: tuple[str, ...]
    baseline: Baseline
    study: Study
    seed: int
    tried: Budget
    submitter: str = ""
    precision: Precision = DEFAULT

    @property
    def entry(self) -> str:
        """Name of the entry, as `medshift run` gives it."""
        return entry_of(self.name, self.baseline, self.tried, self.precision)

    @property
    def title(self) -> str:
        """Name for people."""
        return f"{self.entry}, seed {self.seed}"

    def folder(self, out: Path) -> Path:
        """Return the folder of the submission."""
        return out / self.study.protocol.name / self.entry / f"seed-{self.seed}"

    def lock(self, out: Path) -> Path:
        """Return the file that a process locks while it makes the submission."""
        return out / self.study.protocol.name / f".{self.entry}.seed-{self.seed}.lock"

    def log(self, out: Path) -> Path:
        """Return the file of what the run prints."""
        return out / "logs" / self.study.protocol.name / f"{self.entry}.seed-{self.seed}.log"

    def state(self, out: Path) -> State:
        """Return whether the submission is there, is being made by a process, cannot be made there, or none of them."""
        if self.is_done(out):
            return "done"
        if locks.is_held(self.lock(out)):
            return "running"
        return "blocked" if self.obstacle(out) else "to do"

    def is_done(self, out: Path) -> bool:
        """Return whether the folder holds the finished submission, made with these settings."""
        return self._has_card(out) and not self.obstacle(out)

    @property
    def key(self) -> str:
        """Hash of what the submission is made with (`job.made_key` of its card)."""
        return settings_key(self.name, self.baseline, self.study.protocol.sha256, self.tried, self.precision)

    def obstacle(self, out: Path) -> str:
        """Say which other submission stands in the run's way: in its place, or one that it cannot stand beside.

        Returns:
            Why the run would fail, or its result be refused; empty if nothing is in its way.
        """
        if not self._has_card(out):
            beside = siblings.other_images(self.folder(out), self.study.images_sha256)
            return f"{beside}: {siblings.AWAY}" if beside else self._other_origin(out)
        found = card.parse(self.folder(out) / card.CARD_FILE)
        predicted = self.folder(out) / PREDICTIONS_FILE
        if not isinstance(found, card.Card):
            what = "a damaged card"
        elif made_key(found, self.name) != self.key:
            what = "a submission made with other settings or code"
        elif found.dataset.images_sha256 not in (None, self.study.images_sha256):
            what = "a submission made with other images under the same names"
        elif not predicted.is_file() or sha256(predicted) != found.predictions.sha256:
            what = "a submission whose predictions are not those of its card"
        else:
            return ""
        return f"{self.folder(out)} holds {what}: {siblings.AWAY}"

    def _other_origin(self, out: Path) -> str:
        """Say which seed of the entry is of another version: reports refuse entries whose seeds differ in that."""
        for place in sorted(self.folder(out).parent.glob(f"seed-*/{card.CARD_FILE}")):
            found = card.parse(place)
            own = registry.origin(self.name)
            if isinstance(found, card.Card) and found.baseline.distribution != own:
                return (
                    f"{place.parent} was made with {found.baseline.distribution}, and this run would be with {own}: an "
                    "entry whose seeds differ in that is refused; move its seeds away, which makes them again, choose "
                    "another --out, or go back to that version"
                )
        return ""

    def _has_card(self, out: Path) -> bool:
        return (self.folder(out) / card.CARD_FILE).exists()

    def words(self, out: Path, threads: int = 0, device: str = "auto", *, absolute: bool = False) -> list[str]:
        """Return the words of the command, after `medshift`.

        Args:
            out: Folder of submissions.
            threads: CPU threads; 0 is torch's choice.
            device: As for `medshift run`.
            absolute: Write paths such that they hold in any working directory.
        """
        choice = self.study.choice
        found = ["run", "--baseline", self.name]
        found += [word for setting in self.settings for word in ("--set", setting)]
        found += options.words(options.absolute(choice) if absolute else choice)
        found += ["--tune", str(self.tried.draws)] if self.tried.draws else []
        found += ["--seed", str(self.seed), "--out", str(out.absolute() if absolute else out)]
        found += ["--threads", str(threads)] if threads else []
        found += ["--device", device] if device != "auto" else []
        found += ["--precision", self.precision] if self.precision != DEFAULT else []
        return found + (["--submitter", self.submitter] if self.submitter else [])


def plan_runs(sweep: Sweep, bar: Bar = no_bar, refuse: Refuse | None = None) -> list[PlannedRun]:
    """List the runs of a sweep. Loads the data of each protocol, so that a mistake ends it before anything starts.

    Neighbours in the list differ in seed or protocol where that can be: those that share both may train the same source
    model, and the second would wait for it.

    Args:
        sweep: The sweep.
        bar: Shows progress of the data.
        refuse: Tells where a protocol stands that the data refuse; by default only its number is told.

    Raises:
        MedshiftError: A baseline, a setting or a protocol is wrong, or two protocols are the same or share a folder.
    """
    methods.check_names({method.baseline: method for method in sweep.methods})
    made = [(method.baseline, *each) for method in sweep.methods for each in methods.baselines(method)]
    studies = list(_studies(sweep, bar, refuse or _refuse))
    runs = []
    for name, settings, baseline in made:
        words = typed(settings)
        tried = budget(baseline, sweep.tune, words)
        for seed in sweep.seeds:
            for study in studies:
                suited = registry.for_dims(baseline, len(study.protocol.dataset.image_size))
                run = PlannedRun(name, tuple(words), suited, study, seed, tried, sweep.submitter, sweep.precision)
                require_adaptation(run.entry, suited.sees, study.protocol, study.table)
                runs.append(run)
    require_one_place_each(runs)
    return runs


def _studies(sweep: Sweep, bar: Bar, refuse: Refuse) -> Iterator[Study]:
    places: dict[str, int] = {}
    for number, choice in enumerate(sweep.protocols):
        try:
            dataset, protocol, table = terms.resolve_terms(choice.data, choice.choices, choice.folder, bar)
        except MedshiftError as error:
            refuse(number, str(error))
        lost = [name for name in UNSAID if getattr(choice.choices, name) != getattr(Choices(), name)]
        if lost and choice.folder is None:  # the command of a run would make another protocol
            refuse(number, f"a sweep's runs cannot be told {', '.join(lost)}: make the protocol, and give its folder")
        if protocol.name in places:
            first = places[protocol.name] + 1
            refuse(number, f"this protocol is named {protocol.name!r}, as protocol {first} is: leave one out")
        places[protocol.name] = number
        yield Study(choice, protocol, table.drop(columns="row"), local_sha256(dataset, table))


def _refuse(number: int, problem: str) -> NoReturn:
    raise MedshiftError(f"protocol {number + 1} of the sweep: {problem}")


def require_one_place_each(runs: Sequence[PlannedRun]) -> None:
    """Raise MedshiftError if two runs are the same entry with the same seed on the same protocol."""
    found: dict[Path, PlannedRun] = {}
    for run in runs:
        place = run.folder(Path())
        if place in found:
            ours, theirs = (" ".join((each.name, *each.settings)) for each in (run, found[place]))
            raise MedshiftError(f"{ours!r} and {theirs!r} are the same entry, {run.entry}: leave one of them out")
        found[place] = run
