"""Make a submission of predictions made elsewhere: by another framework, a vendor's model or a human reader."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError, in_one_line, near
from ...shifts.plugins import own_distribution
from ..contract import registry
from ..contract.sees import Sees
from ..files.atomic import replace, sha256
from ..files.wording import plural
from ..protocols.folder import write_protocol
from ..protocols.protocol import Protocol
from ..runs import environment
from ..scoring import scores
from ..submissions import card as cards
from ..submissions import predictions, submission
from ..submissions.card import EXTERNAL, Card, claims
from ..submissions.predictions import KEYS, PREDICTIONS_FILE

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
    """

    name: str
    sees: Sees
    summary: str = ""
    submitter: str = ""
    seed: int = 0


def submit(
    path: Path, protocol: Protocol, truth: pd.DataFrame, claim: Claim, shifts: dict[str, str], out: Path
) -> tuple[Path, scores.Scores]:
    """Write a submission; return its folder and scores.

    Args:
        path: The predictions, CSV or Parquet: condition, sample_id, p0 to pK.
        protocol: The protocol.
        truth: Its truth.
        claim: The author's claims.
        shifts: Fingerprint of every shift that was applied.
        out: Folder of submissions.

    Raises:
        MedshiftError: The predictions are invalid (one line per problem), the name is invalid or a baseline's, or the
            folder holds a submission of other predictions.
    """
    own = claim.name.partition("+")[0]
    if own in registry.TABLE.names():
        raise MedshiftError(f"{own!r} is a baseline of {registry.origin(own)}: choose another --name for your model")
    if not re.fullmatch(cards.ENTRY, claim.name):
        raise MedshiftError(
            f"invalid --name {claim.name!r}: use 1 to 120 letters, digits or ._+=,@-, starting with a letter or digit"
        )
    folder = out / protocol.name / claim.name / f"seed-{claim.seed}"
    with tempfile.TemporaryDirectory(prefix="medshift-score-") as scratch:
        new = Path(scratch) / PREDICTIONS_FILE
        found = problems(path, protocol, truth, new)
        if found:
            listed = "\n  ".join(found)
            raise MedshiftError(f"{path}: {plural(len(found), 'problem')}:\n  {listed}")
        if (folder / cards.CARD_FILE).exists() and sha256(folder / PREDICTIONS_FILE) != sha256(new):
            raise MedshiftError(f"{folder} holds other predictions: choose another --name or --seed, or remove it")
        arrays = predictions.read(new, protocol, truth)
        scored = scores.score(protocol, truth, arrays)
        write_protocol(protocol, truth, out / protocol.name)
        with replace(folder / PREDICTIONS_FILE) as temporary:
            shutil.copyfile(new, temporary)
    rows = sum(map(len, arrays.values()))
    cards.write(_card(folder, protocol, claim, shifts, rows, scored), folder)
    submission.read_submission(folder, protocol, truth)
    return folder, scored


def problems(path: Path, protocol: Protocol, truth: pd.DataFrame, into: Path) -> list[str]:
    """List everything wrong with a table of predictions, and write its usable rows as Parquet.

    Args:
        path: CSV or Parquet.
        protocol: The protocol.
        truth: Its truth.
        into: The file to write; it is complete if there are no problems.
    """
    classes = len(protocol.dataset.classes)
    table = _table(path)
    found = list(_columns(table, classes))
    if found:
        return found
    table = table.astype(dict.fromkeys(KEYS, str))
    keys = [condition.key for condition in protocol.conditions()]
    known = {"condition": set(keys), "sample_id": set(truth["sample_id"])}
    invalid = pd.Series(data=False, index=table.index)
    for name in KEYS:
        unknown = table[name][~table[name].isin(known[name])].drop_duplicates()
        if len(unknown):
            hint = near(unknown.iloc[0][:80], keys) if name == "condition" else ""
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
    predictions.write(_parts(table), into)
    return found + predictions.problems(into, protocol, truth)


def _table(path: Path) -> pd.DataFrame:
    """Read a table; all cells of a CSV file are text.

    Raises:
        MedshiftError: The file is neither CSV nor Parquet.
    """
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        if path.suffix.lower() == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # base classes of pandas' and pyarrow's errors
        raise MedshiftError(f"{path} cannot be read: {in_one_line(error)[:200]}") from error
    raise MedshiftError(f"{path}: predictions must be a .csv or .parquet file")


def _columns(table: pd.DataFrame, classes: int) -> Iterator[str]:
    """Yield the problems of the columns, and convert probabilities to numbers."""
    wanted = predictions.columns(classes)
    unexpected = [str(name)[:40] for name in table.columns if name not in wanted]
    if unexpected:
        yield f"unexpected columns: {', '.join(unexpected[:8])}"
    for name in wanted:
        if name not in table:
            yield f"column {name} is missing; required are {wanted[0]}, {wanted[1]}, {wanted[2]} to {wanted[-1]}"
        elif name in KEYS:
            empty = table[name].isna() | (table[name].astype(str) == "")
            if empty.any():
                yield f"column {name} has {plural(int(empty.sum()), 'empty cell')}"
        else:
            numbers = pd.to_numeric(table[name], errors="coerce")
            text = table[name][numbers.isna()].dropna().astype(str)
            other = text[~text.str.lower().isin(["", "nan"])]
            if len(other):
                yield f"column {name} has {plural(len(other), 'non-numeric cell')}, e.g. {other.iloc[0][:40]!r}"
            table[name] = numbers


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
            name=claim.name.partition("+")[0], distribution=EXTERNAL, sees=claim.sees, summary=claim.summary
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
