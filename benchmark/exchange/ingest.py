"""Make a submission of predictions made elsewhere: by another framework, a vendor's model or a human reader."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError, near
from ...shifts.plugins import own_distribution
from ..contract import registry
from ..contract.sees import Sees
from ..files.atomic import replace, scratch_folder, sha256
from ..files.text import fault
from ..files.wording import plural
from ..protocols.folder import write_protocol
from ..protocols.protocol import Protocol
from ..runs import environment
from ..scoring import scores
from ..submissions import card as cards
from ..submissions import predictions, siblings, submission
from ..submissions.card import Card, claims
from ..submissions.fields import ENTRY, EXTERNAL, unfit
from ..submissions.predictions import KEYS, PREDICTIONS_FILE
from .column_order import order_warning
from .delimited import read_table
from .probabilities import understand
from .refused_rows import refuse_marked, take_marks
from .sample_ids import match_ids

UNSTATED = "not stated"


@dataclass(frozen=True)
class Claim:
    """The author's claims about an entry.

    Args:
        name: Name of the entry; the part after a `+` distinguishes settings of one model.
        sees: Access level of the model.
        summary: One line about it.
        submitter: Who is responsible for it.
        seed: Training seed, if there are several.
        rejections: The model may refuse images.
    """

    name: str
    sees: Sees
    summary: str = ""
    submitter: str = ""
    seed: int = 0
    rejections: bool = False


def submit(
    path: Path, protocol: Protocol, truth: pd.DataFrame, claim: Claim, shifts: dict[str, str], out: Path
) -> tuple[Path, scores.Scores, list[str]]:
    """Write a submission; return its folder, its scores and notes on what was understood or looks wrong.

    Args:
        path: The predictions, CSV or Parquet: condition, sample_id, and p0 to pK or the names of the classes.
        protocol: The protocol.
        truth: Its truth.
        claim: The author's claims.
        shifts: Fingerprint of every shift that was applied.
        out: Folder of submissions.

    Raises:
        MedshiftError: The predictions are invalid (one line per problem), the name is invalid or a baseline's, or the
            folder holds a submission of other predictions.
    """
    require_entry_name(claim.name)
    if claim.seed > cards.LARGEST_SEED:
        raise MedshiftError(f"a card cannot hold --seed {claim.seed}: the largest is {cards.LARGEST_SEED}")
    if why := fault(claim.summary):
        raise MedshiftError(f"--summary {why}")
    folder = out / protocol.name / claim.name / f"seed-{claim.seed}"
    siblings.require_fit(folder, claim.submitter)
    with scratch_folder("score") as scratch:
        new = scratch / PREDICTIONS_FILE
        notes: list[str] = []
        found = problems(path, protocol, truth, new, notes, rejections=claim.rejections)
        if found:
            listed = "\n  ".join(found)
            raise MedshiftError(f"{path}: {plural(len(found), 'problem')}:\n  {listed}")
        if (folder / cards.CARD_FILE).exists() and not (folder / PREDICTIONS_FILE).exists():
            raise MedshiftError(f"{folder} holds a card without its predictions: remove it")
        if (folder / cards.CARD_FILE).exists() and sha256(folder / PREDICTIONS_FILE) != sha256(new):
            raise MedshiftError(f"{folder} holds other predictions: choose another --name or --seed, or remove it")
        seen = predictions.read_all(new, protocol, truth)
        arrays = seen.arrays
        scored = scores.score(protocol, truth, arrays)
        notes += order_warning(protocol, truth, seen)
        write_protocol(protocol, truth, out / protocol.name)
        with replace(folder / PREDICTIONS_FILE) as temporary:
            shutil.copyfile(new, temporary)
    rows = sum(map(len, arrays.values()))
    made = _card(folder, protocol, claim, shifts, rows, scored)
    cards.write(made.model_copy(update={"rejections": seen.refused or None}), folder)
    submission.read_submission(folder, protocol, truth)
    return folder, scored, notes


def require_entry_name(name: str) -> None:
    """Raise MedshiftError if an entry cannot have a name, or if it is a baseline's."""
    own = name.partition("+")[0]
    if own in registry.TABLE.names():
        raise MedshiftError(f"{own!r} is a baseline of {registry.origin(own)}: choose another --name for your model")
    if not re.fullmatch(ENTRY, name):
        raise MedshiftError(
            f"invalid --name {name!r}: use 1 to 120 letters, digits or ._+=,@-, starting with a letter or digit"
        )
    if why := unfit(name):
        raise MedshiftError(f"invalid --name {name!r}: it {why}")


def problems(
    path: Path,
    protocol: Protocol,
    truth: pd.DataFrame,
    into: Path,
    notes: list[str] | None = None,
    *,
    rejections: bool = False,
) -> list[str]:
    """List everything wrong with a table of predictions, and write its usable rows as Parquet.

    Args:
        path: CSV or Parquet.
        protocol: The protocol.
        truth: Its truth.
        into: The file to write; it is complete if there are no problems.
        notes: Receives notes on what in the table was understood, though it is not written as documented.
        rejections: A row without probabilities, or marked in a column `rejected`, is an image that the model refused.
    """
    table, read = read_table(path)
    table, marked, wrong = take_marks(table, rejections=rejections)
    table, found, understood = understand(table, protocol.dataset.classes)
    found = wrong or found
    if notes is not None:
        notes += read + understood
    if found:
        return found
    if marked is not None:
        table, found = refuse_marked(table, marked)
    if found:
        return found
    table = table.astype(dict.fromkeys(KEYS, str))
    table["condition"] = table["condition"].str.strip()
    table, matched, ambiguous = match_ids(table, protocol, truth)
    if notes is not None:
        notes += matched
    keys = [condition.key for condition in protocol.conditions()]
    known = {"condition": set(keys), "sample_id": set(truth["sample_id"])}
    invalid = pd.Series(data=False, index=table.index)
    for name in KEYS:
        unknown = table[name][~table[name].isin(known[name])].drop_duplicates()
        if len(unknown):
            hint = near(unknown.iloc[0][:80], keys) if name == "condition" else ambiguous
            count = plural(len(unknown), f"unknown {name.replace('_', ' ')}")
            found.append(f"{count}, e.g. {unknown.iloc[0][:80]!r}.{hint}")
            invalid |= table[name].isin(set(unknown))
    table = table[~invalid]
    repeated = table.duplicated(list(KEYS))
    if repeated.any():
        first = table[repeated].iloc[0]
        count = plural(int(repeated.sum()), "repeated row")
        found.append(f"{count}, e.g. {first['sample_id']!r} of {first['condition']!r}")
        table = table[~repeated]
    if not len(table):
        return [*found, "no row has a condition and a sample of the protocol"]
    predictions.write(_parts(table), into, rejections=rejections)
    return found + predictions.problems(into, protocol, truth)


def _parts(table: pd.DataFrame) -> dict[str, tuple[list[str], NDArray[np.float32]]]:
    """Group a table into the parts that `predictions.write` takes."""
    columns = [name for name in table.columns if name not in KEYS]
    ordered = sorted(columns, key=lambda name: int(name[1:]))
    return {
        str(key): (rows["sample_id"].tolist(), rows[ordered].to_numpy(dtype=np.float32, na_value=np.nan))
        for key, rows in table.groupby("condition", sort=True)
    }


def _card(
    folder: Path, protocol: Protocol, claim: Claim, shifts: dict[str, str], rows: int, scored: scores.Scores
) -> Card:
    """Make the card: what is known, the rest marked `not stated`."""
    commit, dirty = environment.commit()
    return Card(
        protocol=cards.ProtocolClaim(name=protocol.name, version=protocol.version, sha256=protocol.sha256),
        dataset=cards.DatasetClaim(
            name=protocol.dataset.name, version=protocol.dataset.version, truth_sha256=protocol.truth_sha256
        ),
        baseline=cards.BaselineClaim(
            name=claim.name.partition("+")[0],
            distribution=EXTERNAL,
            sees=claim.sees,
            summary=claim.summary,
            config={"rejections": True} if claim.rejections else {},
        ),
        entry=claim.name,
        seed=claim.seed,
        shifts=shifts,
        code=cards.CodeClaim(version=own_distribution(), commit=commit, dirty=dirty),
        environment=cards.EnvironmentClaim(python=UNSTATED, platform=UNSTATED, device=UNSTATED, threads=0),
        timings=cards.TimingsClaim(fit_s=0, predict_s=0),
        predictions=cards.PredictionsClaim(sha256=sha256(folder / PREDICTIONS_FILE), rows=rows),
        scores=claims(scored),
        submitter=claim.submitter,
    )
