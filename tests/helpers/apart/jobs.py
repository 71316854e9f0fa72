"""Runs of methods that lie in a user's folder, as jobs."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import torch

from medshift.benchmark.contract import access, registry
from medshift.benchmark.datasets import manifest
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.runs import run

CPU = torch.device("cpu")
CHOICES = Choices(shifts=("gamma",), severities=(3,))


def put_attacks(here: Path, where: object = "[]") -> None:
    """Write the module `attacks` into a folder, with the paths that `Reader` tries."""
    text = (Path(__file__).parent / "attacks.py").read_text()
    sys.modules.pop("attacks", None)
    (here / "attacks.py").write_text(text.replace("WHERE = []", f"WHERE = {where}"))


def job(data, out, name, settings=(), **more):
    dataset = manifest.read_manifest(data)
    terms, table = plan.plan(dataset, CHOICES)
    write_protocol(terms, table, out / terms.name)
    more = {"way": "apart", "hidden": (data,), **more}
    return run.Job(dataset, terms, table, name, registry.make_baseline(name, list(settings)), 0, out, **more)


def granted(data):
    dataset = manifest.read_manifest(data)
    _, table = plan.plan(dataset, CHOICES)
    return access.grant(dataset, table, "site-a", (), "source", 0, CPU, "x", lambda line: None)


def made(job):
    """Run a job; return its predictions and what it says."""
    lines = []
    run.run(job, CPU, run.RunProgress(line=lines.append))
    return pd.read_parquet(job.folder / "predictions.parquet"), lines
