"""Makes a submission of predictions that were computed elsewhere: by another framework, a vendor's model, a reader."""

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
    """What its author says of an entry.

    Args:
        name: Of the entry; what follows a `+` tells apart settings of one model.
        sees: What the model looked at.
        summary: One line on it.
        submitter: Who answers for it.
        seed: Of training, where there are several.
    """

    name: str
    sees: Sees
    summary: str = ""
    submitter: str = ""
    seed: int = 0


def submit(
    path: Path, protocol: Protocol, truth: pd.DataFrame, claim: Claim, shifts: dict[str, str], out: Path
) -> tuple[Path, scores.Scores]:
    """Writes a submission and returns its folder and scores.

    Args:
        path: The predictions, CSV or Parquet: condition, sample_id, p0 to pK.
        protocol: The terms.
        truth: Their truth.
        claim: What its author says of it.
        shifts: Fingerprint of every shift that was applied.
        out: Folder of submissions.

    Raises:
        MedshiftError: The predictions are not in order (every problem in a line), the name is none or another's, or a
            submission of other predictions is there.
    """
    own = claim.name.partition("+")[0]
    if own in registry.TABLE.names():
        raise MedshiftError(f"{own!r} is a baseline of {registry.origin(own)}: name what you predicted with otherwise")
    if not re.fullmatch(cards.ENTRY, claim.name):
        raise MedshiftError(
            f"--name is up to 120 letters, digits and ._+=,@- and begins with a letter or digit, not {claim.name!r}"
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
    """Returns everything that is wrong with a table of predictions, and writes what can be used of it as Parquet.

    Args:
        path: CSV or Parquet.
        protocol: The terms.
        truth: Their truth.
        into: Where to; of a table without problems it is all of it.
    """
    classes = len(protocol.dataset.classes)
    table = _table(path)
    found = list(_columns(table, classes))
    if found:
        return found
    table = table.astype(dict.fromkeys(KEYS, str))
    keys = [condition.key for condition in protocol.conditions()]
    known = {"condition": set(keys), "sample_id": set(truth["sample_id"])}
    strange = pd.Series(data=False, index=table.index)
    for name in KEYS:
        unknown = table[name][~table[name].isin(known[name])].drop_duplicates()
        if len(unknown):
            hint = near(unknown.iloc[0][:80], keys) if name == "condition" else ""
            found.append(f"{len(unknown)} unknown {name.replace('_', ' ')}s, e.g. {unknown.iloc[0][:80]!r}.{hint}")
            strange |= table[name].isin(set(unknown))
    table = table[~strange]
    again = table.duplicated(list(KEYS))
    if again.any():
        first = table[again].iloc[0]
        found.append(f"{int(again.sum())} rows repeat another, e.g. {first['sample_id']!r} of {first['condition']!r}")
        table = table[~again]
    if not len(table):
        return [*found, "no row is of a condition and a sample of the protocol"]
    predictions.write(_parts(table), into)
    return found + predictions.problems(into, protocol, truth)


def _table(path: Path) -> pd.DataFrame:
    """Returns the table in a file; of CSV all cells are text.

    Raises:
        MedshiftError: It is neither CSV nor Parquet.
    """
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        if path.suffix.lower() == ".csv":
            return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:  # pandas' and pyarrow's errors are both
        raise MedshiftError(f"{path} cannot be read: {in_one_line(error)[:200]}") from error
    raise MedshiftError(f"{path}: predictions are a .csv or a .parquet file")


def _columns(table: pd.DataFrame, classes: int) -> Iterator[str]:
    """Yields what is wrong with the columns, and turns those of probabilities into numbers."""
    wanted = predictions.columns(classes)
    further = [str(name)[:40] for name in table.columns if name not in wanted]
    if further:
        yield f"has the further columns {', '.join(further[:8])}"
    for name in wanted:
        if name not in table:
            yield f"lacks the column {name}; it takes {wanted[0]}, {wanted[1]}, {wanted[2]} to {wanted[-1]}"
        elif name in KEYS:
            empty = table[name].isna() | (table[name].astype(str) == "")
            if empty.any():
                yield f"column {name} has {int(empty.sum())} empty cells"
        else:
            numbers = pd.to_numeric(table[name], errors="coerce")
            text = table[name][numbers.isna()].dropna().astype(str)
            other = text[~text.str.lower().isin(["", "nan"])]
            if len(other):
                yield f"column {name} has {len(other)} cells that are no numbers, e.g. {other.iloc[0][:40]!r}"
            table[name] = numbers


def _parts(table: pd.DataFrame) -> dict[str, tuple[list[str], NDArray[np.float32]]]:
    """Returns what `predictions.write` takes."""
    columns = [name for name in table.columns if name not in KEYS]
    ordered = sorted(columns, key=lambda name: int(name[1:]))
    return {
        str(key): (rows["sample_id"].tolist(), rows[ordered].to_numpy(dtype=np.float32, na_value=np.nan))
        for key, rows in table.groupby("condition", sort=True)
    }


def _card(
    folder: Path, protocol: Protocol, claim: Claim, shifts: dict[str, str], rows: int, scored: scores.Scores
) -> Card:
    """Returns the card: what is known, and that the rest is not."""
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
