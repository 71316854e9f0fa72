"""Verification: rerun a submission in a clean process and compare the results."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ....shifts.plugins import own_distribution
from ...contract.apart.described import is_foreign
from ...contract.apart.place import DATA
from ...contract.apart.way import Way
from ...contract.registry import Baseline
from ...datasets import catalogue, registry, store
from ...datasets.importing.options import Options
from ...files.atomic import sha256
from ...files.home import home
from ...protocols.folder import read_protocol
from ...protocols.protocol import Protocol
from ...submissions import card as cards
from ...submissions import submission, verification_record
from ...submissions.card import Card
from ...submissions.fields import BROUGHT, EXTERNAL
from ...submissions.verification_record import VerificationRecord
from .. import environment
from ..job import entry_of
from .figures import figure_differences
from .plausible import require_plausible
from .records import record_differences
from .rerun import baseline_name, baseline_of, budget_of

PROCESS = "medshift.benchmark.cli.processes.rerun"  # by name: the command line shows progress
TOLERANCE = 1e-3  # of a probability: processors and thread counts round differently, and training amplifies this
KEPT = ("HOME", "PATH", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "SYSTEMROOT")
# how libraries compute on this machine, which decides the last bits: a run inherits it, and so must its repetition
COMPUTING = ("OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "VECLIB_", "OMP_", "KMP_", "GOMP_", "ATEN_", "DNNL_", "ONEDNN_")


class CannotRepeat(MedshiftError):
    """A submission is not run again here: its model or data are elsewhere, or it asks for an absurdly large run."""


def clean_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a repetition is given, by name: none of those that could substitute code or data."""
    return {name: value for name, value in variables.items() if name in KEPT or name.startswith(COMPUTING)}


@dataclass(frozen=True)
class Outcome:
    """Result of a verification.

    Args:
        result: The same bytes; probabilities within the tolerance, with the same figures; or neither. Either way with
            the records of the same training.
        largest: Largest difference of a probability.
        differences: What differs, one line each; may be non-empty within the tolerance.
        device: Where it was run again.
        again: The submission that came out, for as long as it is kept.
    """

    result: Literal["bytes", "tolerance", "differs"]
    largest: float
    differences: list[str]
    device: str = "cpu"
    again: Path | None = None

    @property
    def text(self) -> str:
        """The verdict in one line."""
        if self.result == "bytes":
            return "reproduced: the predictions have the same bytes"
        if self.result == "tolerance":
            return f"reproduced within {TOLERANCE:g}: the largest difference of a probability is {self.largest:.2g}"
        largest = f"the largest difference of a probability is {self.largest:.2g}"
        return f"not reproduced: {largest}{'' if self.largest > TOLERANCE else '; other things differ'}"


def verify(
    folder: Path,
    out: Path,
    data: Path | None = None,
    device: str = "",
    options: Options | None = None,
    way: Way = "apart",
    log: Path | None = None,
    *,
    force: bool = False,
    shared: Path | None = None,
    starting: Callable[[], None] | None = None,
) -> Outcome:
    """Rerun a submission and compare the results.

    Args:
        folder: The submission.
        out: An empty folder for the rerun.
        data: Folder of the data, unless they come with medshift.
        device: Device; the card's by default.
        options: How a folder of images is read.
        way: Where the method runs.
        log: File for what the run prints, instead of the terminal.
        force: Run it, however long and large a run its card asks for.
        shared: Folder of what reruns of medshift's own methods train and store, for several of them: those that stand
            on one source model train it once. Others' code has a folder of its own: it could leave something there.
        starting: Called before the run, when nothing speaks against it any more.

    Raises:
        CannotRepeat: What it takes to run it again is not here, or the run would be absurdly long or large.
        MedshiftError: The submission is invalid, or its rerun failed.
    """
    environment.running_code()  # which the register names
    protocol, table = read_protocol(folder.absolute().parent.parent)
    theirs = cards.read(folder)
    name = protocol.dataset.name
    if data is None and name not in catalogue.TABLE.names() and name in store.names():
        data = store.folder(name)  # the clean process has a home of its own
    if theirs.baseline.brought:
        raise CannotRepeat(
            f"{folder} was predicted with a model that was brought ({BROUGHT}), which is not in it: whoever has the "
            "model repeats it with `medshift test`. Every leaderboard recomputes its scores from its predictions"
        )
    if theirs.baseline.external:
        raise CannotRepeat(
            f"{folder} was predicted outside of medshift ({EXTERNAL}): it cannot be rerun. Every leaderboard "
            "recomputes its scores from its predictions"
        )
    if data is None:
        if name not in registry.names():
            raise CannotRepeat(f"{folder}: {registry.missing(name)}")
        try:
            registry.check_version(name, protocol.dataset.version)
        except MedshiftError as error:
            raise CannotRepeat(str(error)) from None
    _require_device(device or theirs.environment.device, folder)
    try:
        baseline = baseline_of(theirs.baseline, "apart")  # a stranger's code stays out of this process
        if not force:
            require_plausible(theirs, baseline, protocol, len(table))
        _require_named(theirs, baseline)
    except MedshiftError as error:
        raise CannotRepeat(f"{folder}: {error}") from None
    theirs, before = submission.read_submission(folder, protocol, table)
    reading = json.dumps(dataclasses.asdict(options or Options()))
    # the home of this process is not that of the clean one, and what is stored in it is not for strangers' code
    hidden = json.dumps([str(home() / name) for name in DATA])
    words = [str(folder.absolute()), str(out), device, way, hidden]
    words += [str(data.absolute()), reading] if data else []
    clean = clean_environment(os.environ)
    own = not is_foreign(baseline_name(theirs.baseline))
    clean["MEDSHIFT_HOME"] = str(shared if shared and own else out / "home")  # no cached models or data of the user
    if starting:
        starting()
    # -I: neither the current folder nor PYTHONPATH can substitute other code
    with log.open("wb") if log else nullcontext() as file:
        done = subprocess.run(
            [sys.executable, "-I", "-m", PROCESS, *words], env=clean, check=False, stdout=file, stderr=file
        )
    again = out / protocol.name / theirs.entry / folder.absolute().name
    if done.returncode:
        raise MedshiftError(f"{folder} could not be rerun: the process ended with status {done.returncode}")
    ours, after = submission.read_submission(again, protocol, table)
    same = ours.predictions.sha256 == theirs.predictions.sha256
    gaps = {} if same else {key: _largest_gap(before[key], after[key]) for key in before}
    largest = max(gaps.values(), default=0.0)
    wrong = record_differences(folder, theirs, again, ours, exact=largest == 0)
    if 0 < largest <= TOLERANCE:
        wrong += figure_differences(protocol, table, before, after)
    found = [] if same else _differences(protocol, theirs, ours, gaps)
    result: Literal["bytes", "tolerance", "differs"] = "bytes" if same else "tolerance"
    result = "differs" if wrong or largest > TOLERANCE else result
    return Outcome(result, largest, [*wrong, *found], ours.environment.device, again)


def _require_named(card: Card, baseline: Baseline) -> None:
    """Refuse a name that the settings do not make: the rerun would lie in another folder, and the board show a lie."""
    tried = budget_of(card.tuning, baseline)
    made = entry_of(baseline_name(card.baseline), baseline, tried, card.environment.precision)
    if made != card.entry:
        raise MedshiftError(f"the entry is named {card.entry}, but its settings make it {made}")


def _largest_gap(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Return the largest difference of a probability; 1 if one of the two refuses an image that the other answers."""
    refused = np.isnan(before)
    if (refused != np.isnan(after)).any():
        return 1.0
    return float(np.abs(np.where(refused, 0, before - after)).max())


def _require_device(device: str, folder: Path) -> None:
    """Refuse a submission whose device is not here, before anything is made for it."""
    kind = device.partition(":")[0]
    if kind not in ("cuda", "mps"):
        return
    import torch

    if not (torch.cuda if kind == "cuda" else torch.backends.mps).is_available():
        raise CannotRepeat(f"{folder} was to run on {device}, which is not here: give --device cpu to try there")


def _differences(protocol: Protocol, theirs: Card, ours: Card, gaps: dict[str, float]) -> list[str]:
    """List what differs: predictions, scores, pixels, environment."""
    differing = {key: gap for key, gap in gaps.items() if gap > TOLERANCE}
    found = []
    if differing:
        worst = max(differing, key=lambda key: differing[key])
        found.append(f"{len(differing)} of {len(gaps)} conditions differ by more than {TOLERANCE:g}, most on {worst!r}")
        before, after = ({(s.condition, s.metric): s.value for s in c.scores} for c in (theirs, ours))
        metric = protocol.metrics[0]
        moved = {key: (before[key, metric], after[key, metric]) for key in differing}
        defined = {key: pair for key, pair in moved.items() if None not in pair}
        if defined:
            key = max(defined, key=lambda key: abs((defined[key][0] or 0) - (defined[key][1] or 0)))
            found.append(f"{metric} changes most on {key!r}: {defined[key][0]:.4f} then, {defined[key][1]:.4f} now")
    pixels = sorted(name for name in theirs.shifts if theirs.shifts[name] != ours.shifts.get(name))
    if pixels:
        found.append(f"these shifts produce different pixels here: {', '.join(pixels)}")
    then, now = theirs.environment, ours.environment
    for name in ("python", "platform", "device", "threads"):
        if getattr(then, name) != getattr(now, name):
            found.append(f"{name}: {getattr(then, name)} then, {getattr(now, name)} now")
    for name in sorted({*then.packages, *now.packages}):
        one, other = then.packages.get(name, "none"), now.packages.get(name, "none")
        if one != other:
            found.append(f"{name}: {one} then, {other} now")
    if theirs.code.commit != ours.code.commit:
        found.append(f"medshift's commit: {theirs.code.commit} then, {ours.code.commit} now")
    return found


def write_record(folder: Path, outcome: Outcome, by: str) -> None:
    """Write `verified.json` beside the card.

    Raises:
        MedshiftError: The submission was not reproduced.
    """
    if outcome.result == "differs":
        raise MedshiftError(f"{folder} is not marked as verified: it was not reproduced")
    made = VerificationRecord(
        predictions_sha256=cards.read(folder).predictions.sha256,
        card_sha256=sha256(folder / cards.CARD_FILE),
        result=outcome.result,
        largest_difference=outcome.largest,
        version=own_distribution(),
        by=by,
    )
    verification_record.write(made, folder)
