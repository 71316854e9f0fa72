"""The command line: as a process, `subprocess.run([*MEDSHIFT, "list", "shifts"])`, and in this one; how it ends."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from medshift.benchmark.cli.explain import explain
from medshift.benchmark.cli.main import main
from medshift.shifts.errors import MedshiftError

MEDSHIFT = [sys.executable, "-m", "medshift.benchmark.cli"]


def line_of(error: BaseException) -> str:
    """Return the line in which the command line ends."""
    return str(error) if isinstance(error, MedshiftError) else explain(error) or ""


def files_in(folder: Path) -> list[str]:
    """List files below a folder, hidden ones, too."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def medshift(*words: object, cwd: Path | None = None, **variables: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process does, but in this one, which has imported torch already.

    For tests of what a command does; those of a process itself (signals, imports, memory, what is left behind) start
    one of their own. Settings of torch, the environment and the folder are afterwards what they were.

    Args:
        words: What follows `medshift`.
        cwd: Folder to be in.
        variables: Of the environment.
    """
    import torch

    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    threads, exact = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    status = 0
    with ExitStack() as held:
        patch = held.enter_context(pytest.MonkeyPatch.context())
        for name, value in variables.items():
            patch.setenv(name, str(value))
        if cwd is not None:
            patch.chdir(cwd)
        patch.setattr(sys, "argv", ["medshift", *map(str, words)])
        patch.setattr(sys, "path", list(sys.path))
        held.enter_context(redirect_stdout(out))
        held.enter_context(redirect_stderr(err))
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(exact, warn_only=warns)
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(list(map(str, words)), status, *texts)
