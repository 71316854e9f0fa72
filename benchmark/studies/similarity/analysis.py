"""The study's table, measured once its runs are made and kept in its folder, and the findings that are made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ....shifts.errors import MedshiftError
from ...files.atomic import replace, sha256, write_text
from ...protocols.data import adopt
from ...runs import environment
from ...runs.job import Job
from ...runs.sweeps import options
from ...runs.verification.rerun import baseline_name, baseline_of
from ...submissions import card
from ..findings import Findings, Table
from ..study import Study
from .answers import BELOW, answers, pick, size, text
from .columns import BEFORE_AFTER, COLUMNS, MOVED, OF_ANY, SHIFTED
from .drawings import drawings
from .figure import figure
from .measure import draw_images, measure
from .networks import on_one_device, train_network

if TYPE_CHECKING:
    from ..stored import StoredStudy

TABLE_FILE = "similarity.csv"
KEY_FILE = ".similarity.key"
NUMBERS = ("value", "low", "high")  # empty where undefined
FIGURE_FILE = "figures/similarity.svg"


def write_table(stored: StoredStudy, out: Path, images: int, grid: int) -> None:
    """Write the table and the figure of a study whose runs are made; a table of the same runs and settings stays.

    Args:
        stored: The study as it is run.
        out: Its folder.
        images: Number of test images of the source.
        grid: Cells per axis that space is averaged to.
    """
    key = _key(stored, out, images, grid)
    place = out / KEY_FILE
    if (out / TABLE_FILE).exists() and _noted(out) == key:
        return
    place.unlink(missing_ok=True)
    networks, jobs = [], list(_jobs(stored, out))
    for arm, job in jobs:
        made = card.read(job.folder).environment
        # as the run had it: the keys of the cache depend on device and threads
        where = environment.prepare(made.device, made.threads, made.precision)
        networks.append(train_network(arm, job, where, lambda line: None))
    job = jobs[0][1]
    shown = draw_images(job.dataset, job.protocol, job.table, images)
    # runs may have been made on several devices
    table = measure([on_one_device(each, where) for each in networks], shown, where, grid)
    with replace(out / TABLE_FILE) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
    write_text(out / FIGURE_FILE, figure(table, titles(stored.study), data_name(stored)))
    write_text(place, "\n".join(key))


def findings(stored: StoredStudy, out: Path, first: str) -> Findings:
    """Make the findings from the table in a study's folder.

    Args:
        stored: The study as it was run.
        out: Its folder.
        first: The arm that the study's own first answer is about.

    Raises:
        MedshiftError: The table is missing, damaged, or of other runs than the study's.
    """
    table, named = read_table(out), titles(stored.study)
    _require_own_table(stored, out)
    return Findings(
        answers=tuple(answers(table, named)),
        drawings=tuple(drawings(table, named)),
        tables=tuple(_tables(table, named)),
        records=[{str(key): value for key, value in row.items()} for row in table.to_dict("records")],
        doubts=(
            f"Data: {data_name(stored)}. {size(table)}",
            f"That a shift enters below a CKA of {BELOW} is a convention; fewer patients find it at a later stage.",
            "CKA says how alike two sets of features are, not whether the difference costs accuracy.",
        ),
        other_first=first not in stored.study.arms,
    )


def _require_own_table(stored: StoredStudy, out: Path) -> None:
    """Check that a table was measured on the study's runs: `study.toml` is written before they are made.

    Raises:
        MedshiftError: A run is not finished or was made with other settings, or the table is of other runs.
    """
    again = "run `medshift study run similarity` again"
    for run in stored.runs:
        place = _folder(out, run.protocol, run.entry, run.seed)
        if not (place / card.CARD_FILE).exists() or stored.is_stale(run, card.read(place)):
            raise MedshiftError(f"{place} is not finished, and {TABLE_FILE} is of other runs: {again}")
    noted = _noted(out)
    # a table of an earlier version has one line, for runs and code together, which cannot be compared
    if not noted or (len(noted) > 1 and noted[0] != _of_runs(stored, out)):
        raise MedshiftError(f"{out / TABLE_FILE} was not measured on the runs of {out}: {again}")


def data_name(stored: StoredStudy) -> str:
    """Return the name of the data set, and that it is simulated, if it is."""
    return f"{stored.data.name}{' (SIMULATED)' if stored.data.simulated else ''}"


def titles(study: Study) -> dict[str, str]:
    """Return the name for people of each arm."""
    return {name: arm.title or name for name, arm in study.arms.items()}


def read_table(out: Path) -> pd.DataFrame:
    """Read the table of a study's folder; one of an earlier version has no column `pairs`, and compared any images.

    Raises:
        MedshiftError: It is missing or damaged.
    """
    path = out / TABLE_FILE
    try:
        table = pd.read_csv(path, dtype={"seed": str}, keep_default_na=False, na_values={key: [""] for key in NUMBERS})
    except (OSError, ValueError) as error:
        raise MedshiftError(f"{path} cannot be read ({error}): run `medshift study run similarity` again") from error
    if tuple(table.columns) == COLUMNS[:-1]:
        table = table.assign(pairs=OF_ANY)
    if tuple(table.columns) != COLUMNS or table.empty:
        raise MedshiftError(f"{path} is not a table of this study: run `medshift study run similarity` again")
    return table


def _jobs(stored: StoredStudy, out: Path) -> Iterator[tuple[str, Job]]:
    """Yield the arm and the job of every run, from its card, in the order of arms and seeds."""
    choice = options.read({k: list(v) if isinstance(v, tuple) else v for k, v in stored.data.options.items()})
    (protocol_name,) = {run.protocol for run in stored.runs}
    dataset, protocol, table = adopt(
        out / protocol_name, choice.data.name or None, choice.data.folder, choice.data.options
    )
    for run in sorted(stored.runs, key=lambda run: (list(stored.study.arms).index(run.arm), run.seed)):
        made = card.read(_folder(out, run.protocol, run.entry, run.seed))
        baseline, name = baseline_of(made.baseline), baseline_name(made.baseline)
        yield (
            run.arm,
            Job(dataset, protocol, table, name, baseline, run.seed, out, precision=made.environment.precision),
        )


def _key(stored: StoredStudy, out: Path, images: int, grid: int) -> list[str]:
    """Return what the table depends on, in two lines: the runs, and what they are measured with."""
    code = [sha256(path) for path in sorted(Path(__file__).parent.glob("*.py"))]
    return [_of_runs(stored, out), _hashed([str(images), str(grid), *code])]


def _of_runs(stored: StoredStudy, out: Path) -> str:
    """Hash the predictions of all runs, which tell networks and images."""
    cards = [card.read(_folder(out, run.protocol, run.entry, run.seed)) for run in stored.runs]
    return _hashed([each.predictions.sha256 for each in cards])


def _hashed(parts: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def _noted(out: Path) -> list[str]:
    """Return what a table in a folder was measured on, as `_key` has it; empty if it is not noted."""
    place = out / KEY_FILE
    return place.read_text(encoding="utf-8").splitlines() if place.exists() else []


def _folder(out: Path, protocol: str, entry: str, seed: int) -> Path:
    return out / protocol / entry / f"seed-{seed}"


def _tables(table: pd.DataFrame, named: Mapping[str, str]) -> Iterator[Table]:
    """Yield a table per arm: stages in rows; training, weights, and the strongest level of each shift in columns."""
    for arm in dict.fromkeys(table["arm"]):
        own = table[table["arm"] == arm]
        columns = {"before and after": pick(own, BEFORE_AFTER), "weights moved": pick(own, MOVED)}
        shifted = own[own["shift"] != ""]
        for shift in dict.fromkeys(shifted["shift"]):
            rows = shifted[shifted["shift"] == shift]
            strongest = rows["severity"].max()
            columns[f"{shift}@{strongest:g}"] = pick(rows[rows["severity"] == strongest], SHIFTED)
        stages = columns["before and after"]
        cells = [
            (
                f"{row['stage']} {row['name']}",
                str(row["dimension"]),
                *(text(each.iloc[at]) for each in columns.values()),
            )
            for at, (_, row) in enumerate(stages.iterrows())
        ]
        yield Table(
            f"By stage, {named.get(arm, arm)}",
            ("stage", "dimension", *columns),
            cells,
            "Weights: L2 distance over initial L2 norm, in brackets the lowest and the highest seed. "
            f"All in one figure: {FIGURE_FILE}.",
        )
