"""Runs a submission again from its card, in the process it is called in: `python -m medshift.benchmark.rerun`."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pandas as pd

from ..shifts.errors import MedshiftError
from . import baselines, card, datasets, external_class, manifest, store
from .baselines import Baseline
from .dataset import Dataset
from .planning import settle, settled
from .protocol import Protocol
from .tune import Budget

AGREE = ("label", "domain", "group")


def data_of(protocol: Protocol, folder: Path | None) -> Dataset:
    """Returns the data set of a protocol: built-in, a plug-in's or stored by its name, or that of a folder.

    The folder has a manifest, or is one of the store's.

    Raises:
        MedshiftError: It is of neither kind, or another version.
    """
    facts = protocol.dataset
    if folder is None and facts.name not in datasets.names():
        raise MedshiftError(f"data set {facts.name!r} does not come with medshift: give its folder with --data DIR")
    exact = True
    if folder is None:
        datasets.check_version(facts.name, facts.version)
        found = datasets.load(facts.name)
    elif (folder / store.FACTS).is_file():
        found = store.read(folder)
    else:
        exact = False
        found = manifest.read(folder, classes=facts.classes, image_size=facts.image_size[0], modality=facts.modality)
    have, want = (found.name, found.version), (facts.name, facts.version)
    if exact and have != want:
        raise MedshiftError(f"the data set is {' '.join(have)} here, the submission was made on {' '.join(want)}")
    return dataclasses.replace(found, name=facts.name)  # a folder's name says which options it was read with


def with_rows(table: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Returns a truth with a column `row`: where the data set has each sample.

    Raises:
        MedshiftError: The data set lacks samples, or has other labels, domains or groups.
    """
    mine = dataset.table[["sample_id", *AGREE]].assign(row=range(len(dataset.table)))
    mine = mine.astype(dict.fromkeys(("sample_id", "domain", "group"), str))
    joined = table.merge(mine, on="sample_id", how="left", suffixes=("", "_here"))
    lacking = joined["row"].isna()
    if lacking.any():
        example = joined["sample_id"][lacking].iloc[0]
        raise MedshiftError(f"the data lack {int(lacking.sum())} samples of the protocol, e.g. {example!r}")
    for name in AGREE:
        other = joined[name] != joined[f"{name}_here"]
        if other.any():
            example = joined["sample_id"][other].iloc[0]
            raise MedshiftError(f"the data have another {name} for {int(other.sum())} samples, e.g. {example!r}")
    return joined[[*table.columns, "row"]].astype({"row": "int64"})


def baseline_of(claim: card.BaselineClaim) -> Baseline:
    """Returns the baseline of a card with its hyper-parameters.

    Raises:
        MedshiftError: It is not installed, or it has other hyper-parameters.
    """
    kind = baselines.load(named(claim))
    fields = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if set(claim.config) != fields:
        raise MedshiftError(
            f"baseline {claim.name!r} has the hyper-parameters {', '.join(sorted(fields))} here; the card has "
            f"{', '.join(sorted(claim.config)) or 'none'}"
        )
    made: Baseline = kind(**claim.config)
    if made.sees != claim.sees:
        raise MedshiftError(f"baseline {claim.name!r} sees {made.sees} here; the card says {claim.sees}")
    return made


def named(claim: card.BaselineClaim) -> str:
    """Returns what the baseline of a card is loaded by: its name, or `my_module:MyBaseline`."""
    return external_class.claimed(claim.name, claim.distribution) or claim.name


def budget_of(tuning: card.TuningClaim | None, baseline: Baseline) -> Budget:
    """Returns the tuning budget of a card.

    Raises:
        MedshiftError: The baseline declares another search space here.
    """
    if tuning is None:
        return Budget()
    space = baselines.search(baseline)
    other = [key for key, drawn in tuning.searched.items() if key not in space or str(space[key]) != drawn]
    if other:
        raise MedshiftError(f"the baseline declares another search space of {', '.join(other)} here than in the card")
    return Budget(tuning.draws, tuple(tuning.searched))


def rerun(folder: Path, out: Path, data: Path | None = None, device: str = "") -> None:
    """Makes the submission of a card again.

    Args:
        folder: The submission; its protocol and truth lie two folders up.
        out: Folder of submissions to make it in.
        data: Folder of the data, unless they come with medshift.
        device: The card's by default.
    """
    from . import environment
    from .progress import watch
    from .run import Job, run

    made = card.read(folder)
    protocol, table = settled(folder.absolute().parent.parent)
    baseline = baseline_of(made.baseline)
    dataset = data_of(protocol, data)
    job = Job(
        dataset,
        protocol,
        with_rows(table, dataset),
        named(made.baseline),
        baseline,
        made.seed,
        out,
        budget=budget_of(made.tuning, baseline),
    )
    settle(protocol, table, out / protocol.name)
    run(job, environment.prepare(device or made.environment.device, made.environment.threads), watch())


def main() -> None:
    """Takes FOLDER OUT DEVICE [DATA] from the command line."""
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # as in `medshift run`
    folder, out, device, *data = sys.argv[1:]
    try:
        rerun(Path(folder), Path(out), Path(data[0]) if data else None, device)
    except MedshiftError as error:
        print(f"medshift: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
