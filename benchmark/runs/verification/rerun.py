"""Rerun of a submission from its card, in the current process."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ....shifts.errors import MedshiftError, in_one_line
from ...contract import registry, user_class
from ...contract.apart.described import describe, is_foreign
from ...contract.registry import Baseline
from ...datasets.importing.options import Options
from ...datasets.manifest import local_sha256
from ...protocols.arrange import arrange_like
from ...protocols.data import data_of, with_rows
from ...protocols.folder import read_protocol, write_protocol
from ...submissions import card
from ..tuning import Budget

if TYPE_CHECKING:
    import pandas as pd

    from ...contract.apart.way import Way
    from ...protocols.protocol import Protocol
    from ..job import Job, RunProgress


def baseline_of(claim: card.BaselineClaim, way: Way = "in-process") -> Baseline:
    """Make the baseline of a card with its hyper-parameters; one that is not medshift's own only where it may run.

    Raises:
        MedshiftError: The baseline is not installed, has other hyper-parameters here, or does not take their values.
    """
    name = baseline_name(claim)
    foreign = way != "in-process" and is_foreign(name)
    kind = type(describe(name, [])) if foreign else registry.load_baseline(name)
    fields = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if not fields - {field.name for field in registry.later(kind)} <= set(claim.config) <= fields:
        raise MedshiftError(
            f"baseline {claim.name!r} has the hyper-parameters {', '.join(sorted(fields))} here; the card has "
            f"{', '.join(sorted(claim.config)) or 'none'}"
        )
    try:
        # the types of others' hyper-parameters are theirs to check
        own = name in registry.BUILTINS
        made: Baseline = registry.validated(kind, name, claim.config) if own else kind(**claim.config)
    except registry.SettingError as error:
        raise MedshiftError(f"baseline {claim.name!r} does not take the card's {error.key}: {error.problem}") from None
    except (ValueError, TypeError) as error:
        raise MedshiftError(f"baseline {claim.name!r} does not take what the card has: {in_one_line(error)}") from None
    if made.sees != claim.sees:
        raise MedshiftError(f"baseline {claim.name!r} sees {made.sees} here; the card says {claim.sees}")
    return made


def baseline_name(claim: card.BaselineClaim) -> str:
    """Return the name that loads the baseline of a card: its own, or `my_module:MyBaseline`."""
    return user_class.claimed(claim.name, claim.distribution) or claim.name


def budget_of(tuning: card.TuningClaim | None, baseline: Baseline) -> Budget:
    """Return the tuning budget of a card.

    Raises:
        MedshiftError: The baseline declares a different search space here.
    """
    if tuning is None:
        return Budget()
    space = registry.search(baseline)
    other = [key for key, drawn in tuning.searched.items() if key not in space or str(space[key]) != drawn]
    if other:
        raise MedshiftError(f"the search space of {', '.join(other)} differs between this baseline and the card")
    return Budget(tuning.draws, tuple(tuning.searched))


def job_of(
    made: card.Card,
    protocol: Protocol,
    table: pd.DataFrame,
    out: Path,
    data: Path | None = None,
    options: Options | None = None,
    way: Way = "in-process",
) -> Job:
    """Return the job that makes the submission of a card again.

    Args:
        made: The card.
        protocol: Its protocol.
        table: The protocol's truth.
        out: Folder of submissions for the result.
        data: Folder of the data, unless they come with medshift.
        options: How a folder of images is read.
        way: Where the method runs.
    """
    from ..job import Job

    baseline = baseline_of(made.baseline, way)
    dataset = arrange_like(data_of(protocol, data, options, table["sample_id"].tolist()), protocol, table)
    rows = with_rows(table, dataset)
    if made.dataset.images_sha256 not in (None, local_sha256(dataset, rows)):
        raise MedshiftError(f"the images in {data} are not those that the submission was made with")
    return Job(
        dataset,
        protocol,
        rows,
        baseline_name(made.baseline),
        baseline,
        made.seed,
        out,
        budget=budget_of(made.tuning, baseline),
        precision=made.environment.precision,
    )


def rerun(
    folder: Path,
    out: Path,
    data: Path | None = None,
    device: str = "",
    watch: RunProgress | None = None,
    options: Options | None = None,
    way: Way = "apart",
    hidden: Sequence[Path] = (),
) -> None:
    """Make the submission of a card again.

    Args:
        folder: The submission; its protocol and truth are two folders up.
        out: Folder of submissions for the result.
        data: Folder of the data, unless they come with medshift.
        device: Device; the card's by default.
        watch: Receives progress.
        options: How a folder of images is read.
        way: Where the method runs.
        hidden: Folders that a method in a process of its own is not to read, besides those of its run.
    """
    from .. import environment
    from ..job import RunProgress, folders_of_data
    from ..run import run

    made = card.read(folder)
    protocol, table = read_protocol(folder.absolute().parent.parent)
    job = job_of(made, protocol, table, out, data, options, way)
    theirs = folder.absolute().parent.parent
    job = replace(job, way=way, hidden=(theirs, *hidden, *folders_of_data(data, options)))
    write_protocol(protocol, table, out / protocol.name)
    where = environment.prepare(
        device or made.environment.device, made.environment.threads, job.precision, here=way == "in-process"
    )
    run(job, where, watch or RunProgress(), lasts=False)
