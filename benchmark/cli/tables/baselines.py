"""The built-in baselines as Markdown, for `docs/reference/baselines.md`."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ....shifts.errors import MedshiftError
from ...contract import registry
from ...contract.registry import Baseline
from ...contract.search_space import Space
from ...contract.sees import MEANS
from ...files.text import visible
from ...reporting.markdown import replace_between

BEGIN, END = "<!-- baselines: written by `medshift list baselines --into` -->", "<!-- end of baselines -->"
LONGEST_WAIT = 120.0  # seconds for a plug-in to be imported
MARK = b"\0medshift\0"  # before the description: a module may print what it likes
APART = """import json, sys
from medshift.benchmark.cli.tables.baselines import record
found = record(sys.argv[1])
sys.stdout.write("\\0medshift\\0" + json.dumps(found, default=str))
"""
SHARED = "imagenet-finetune"  # whose hyper-parameters and search space most others share


def markdown() -> str:
    """Describe what most baselines share, then list them in one table per access level."""
    kinds = {name: registry.load_baseline(name) for name in sorted(registry.BUILTINS)}
    shared, space = settings(kinds[SHARED]), registry.search(kinds[SHARED])
    parts = [
        f"{len(kinds)} baselines. Unless a row says otherwise they have these hyper-parameters: {_listed(shared)}; and "
        f"`--tune` draws from {_drawn(space)}.\n"
    ]
    for sees, means in MEANS.items():
        mine = {name: kind for name, kind in kinds.items() if kind.sees == sees}
        parts += [
            f"### Sees `{sees}`: {means}\n",
            "| baseline | what it does | further hyper-parameters | `--tune` also draws | paper |",
            "|---|---|---|---|---|",
        ]
        for name, kind in mine.items():
            own = {key: value for key, value in settings(kind).items() if (key, value) not in shared.items()}
            lacking = [key for key in shared if key not in settings(kind)]
            searched = registry.search(kind)
            further = {key: draw for key, draw in searched.items() if draw != space.get(key)}
            cells = (
                f"`{name}`",
                summary(kind),
                _further(_listed(own), lacking),
                _further(_drawn(further), [key for key in space if key not in searched]),
                kind.paper,
            )
            parts.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def described(name: str, *, details: bool = False) -> tuple[str, list[str]]:
    """Describe a baseline: its name with what it sees, and lines on what it does.

    Args:
        name: In the table.
        details: Add hyper-parameters and search space. These import the baseline, and torch with it.

    Raises:
        MedshiftError: A plug-in's class cannot be loaded.
    """
    if name in registry.BUILTINS and not details:
        entry = registry.BUILTINS[name]
        return f"{name}  (sees: {entry.sees})", [entry.summary, entry.paper]
    kind = registry.load_baseline(name)
    lines = [summary(kind), getattr(kind, "paper", "")]
    if details:
        space = registry.search(kind)
        lines += [
            f"--set {', '.join(f'{key}={value}' for key, value in settings(kind).items())}",
            f"--tune draws {_plain(space)}" if space else "--tune draws nothing",
        ]
    return f"{name}  (sees: {kind.sees})", lines


def record(name: str, *, details: bool = False) -> dict[str, object]:
    """Describe a baseline for other programs; `problem` says why the rest is empty, where a plug-in cannot be loaded.

    Args:
        name: In the table.
        details: Add hyper-parameters and search space. These import the baseline, and torch with it.
    """
    made: dict[str, object] = {"name": name, "sees": "", "summary": "", "paper": "", "origin": "", "problem": ""}
    try:
        made["origin"] = registry.TABLE.origin(name)
        if name in registry.BUILTINS and not details:
            entry = registry.BUILTINS[name]
            return made | {"sees": entry.sees, "summary": entry.summary, "paper": entry.paper}
        kind = registry.load_baseline(name)
    except MedshiftError as error:
        return made | {"problem": str(error)}
    made |= {"sees": kind.sees, "summary": summary(kind), "paper": getattr(kind, "paper", "")}
    if details:
        made |= {"settings": settings(kind), "tune": {key: str(draw) for key, draw in registry.search(kind).items()}}
    return made


def record_apart(name: str) -> dict[str, object]:
    """Describe a plug-in as `record` does, in a process of its own: its module may exit or hang when it is imported."""
    path = os.pathsep.join(each or str(Path.cwd()) for each in sys.path)
    command = [sys.executable, "-P", "-c", APART, name]
    lacks = f"baseline {name!r} cannot be loaded: its module {{}}. Fix or uninstall that package."
    made: dict[str, object] = {"name": name, "sees": "", "summary": "", "paper": "", "origin": ""}
    with suppress(MedshiftError):
        made["origin"] = registry.TABLE.origin(name)
        lacks = lacks.replace(f"{name!r}", f"{name!r} of {made['origin']}")
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, timeout=LONGEST_WAIT, env={**os.environ, "PYTHONPATH": path}
        )
        found = json.loads(done.stdout.rpartition(MARK)[2])
    except subprocess.TimeoutExpired:
        return made | {"problem": lacks.format(f"takes more than {LONGEST_WAIT:.0f} s to import")}
    except ValueError:
        return made | {"problem": lacks.format(f"ends the process (status {done.returncode})")}
    return made | {key: visible(str(value), 1000) for key, value in found.items() if key in (*made, "problem")}


def settings(kind: type[Baseline]) -> dict[str, object]:
    """Return the hyper-parameters of a baseline with their defaults."""
    return {field.name: field.default for field in dataclasses.fields(kind)}  # type: ignore[arg-type]


def summary(kind: type[Baseline]) -> str:
    """Return the first line of a baseline's docstring."""
    return (kind.__doc__ or "").strip().partition("\n")[0]


def into(path: Path) -> bool:
    """Replace the tables between their markers in a file; return whether anything changed."""
    return replace_between(path, BEGIN, markdown(), END)


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(f"`{key}={value}`" for key, value in values.items())


def _drawn(space: Space) -> str:
    return ", ".join(f"`{key}` ({draw})" for key, draw in space.items())


def _plain(space: Space) -> str:
    return ", ".join(f"{key} ({draw})" for key, draw in space.items())


def _further(own: str, lacking: list[str]) -> str:
    """Join what a baseline has in addition to the shared settings, and what it lacks of them."""
    without = f"without {', '.join(f'`{key}`' for key in lacking)}" if lacking else ""
    return "; ".join(part for part in (own, without) if part)
