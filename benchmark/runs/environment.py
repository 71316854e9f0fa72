"""Reproducibility: deterministic settings for a run, and the environment that its card records."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ...shifts.errors import MedshiftError
from ..contract.precision import DEFAULT, Precision

if TYPE_CHECKING:
    import torch

TOP = Path(__file__).resolve().parents[2]
CODE = ("baselines", "benchmark", "shifts")
AMPERE = (8, 0)  # compute capability of the first cards with TF32 and bfloat16
PACKAGES = ("medshift", "torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn")


def prepare(device: str, threads: int, precision: Precision = DEFAULT, *, here: bool = True) -> torch.device:
    """Set thread count, deterministic algorithms and the use of TF32 for the process, and return the device.

    Args:
        device: `auto` (CUDA if available), or torch's name of a device.
        threads: CPU threads of torch; 0 keeps torch's choice, one per core. The last bits of results depend on it.
        precision: Number format that networks compute in.
        here: Whether networks compute in this process; a graphics card may take one process at a time.

    Raises:
        MedshiftError: The device does not exist, or does not compute in this precision.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    import torch

    if threads:
        torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
        here |= found.type != "cuda" or (found.index or 0) >= torch.cuda.device_count()
        if here:
            torch.zeros(1, device=found)
    except (RuntimeError, AssertionError) as error:
        raise MedshiftError(f"--device {device}: {str(error).splitlines()[0]}") from error
    if here:
        _require_precision(found, precision)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    # TF32 keeps 10 of 23 bits: too far from CPU results, unless it is asked for
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    return found


def _require_precision(device: torch.device, precision: Precision) -> None:
    """Raise MedshiftError if a device does not compute in a precision."""
    import torch

    where = f"--precision {precision}"
    if device.type == "cuda":
        if precision in ("tf32", "bfloat16") and torch.cuda.get_device_capability(device) < AMPERE:
            other = "" if precision == "tf32" else ", or give --precision float16"
            raise MedshiftError(f"{where}: the graphics card is too old for it: leave the option out{other}")
    elif precision == "tf32":
        raise MedshiftError(f"{where} is for graphics cards of NVIDIA, and the device is {device.type}: leave it out")
    elif precision == "float16":
        raise MedshiftError(
            f"{where} is for graphics cards of NVIDIA, and the device is {device.type}: give --precision bfloat16"
        )


def packages(dims: int = 2) -> dict[str, str]:
    """Return the versions of the packages that a result depends on; networks of volumes are MONAI's.

    Args:
        dims: Spatial axes of the images.
    """
    monai = ("monai",) if dims == 3 and find_spec("monai") else ()
    return {name: version(name) for name in (*PACKAGES, *monai)}


def sources() -> str:
    """Hash the code of shifts, harness and baselines, so that no run resumes with results of other code."""
    files = [file for folder in CODE for file in (TOP / folder).rglob("*.py")]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(TOP).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class RunningCode:
    """The code of this process, as it was when its work began: a checkout may change while a run goes on.

    Args:
        sources: `sources()`.
        commit: Commit of the checkout; None if medshift is installed.
        dirty: Whether files were modified.
    """

    sources: str
    commit: str | None
    dirty: bool | None

    @property
    def was_dirty(self) -> bool | None:
        """Whether files were modified then, or are now; also if the code is not that of the commit any more."""
        if self.commit is None:
            return None
        moved = sources() != self.sources or commit()[1] or git(TOP, "diff", "--name-only", self.commit, "--", *CODE)
        return bool(self.dirty or moved)


@cache
def running_code() -> RunningCode:
    """Read the code of this process, once: call it before anything long."""
    return RunningCode(sources(), *commit())


def system() -> str:
    """Return operating system and processor type; nothing that identifies the machine or its user."""
    return f"{platform.system()} {platform.machine()}"


def processor() -> str:
    """Return the model of the processor, on which the last bits of a training depend."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    text = (named or platform.processor() or "unknown processor").encode("ascii", "ignore").decode()
    return " ".join(text.split())[:60]


def commit() -> tuple[str | None, bool | None]:
    """Return the commit of the checkout that medshift runs from and whether it is dirty; Nones if installed."""
    if not (TOP / ".git").exists():
        return None, None
    head, modified = git(TOP, "rev-parse", "HEAD"), git(TOP, "status", "--porcelain", "--untracked-files=no")
    return (None, None) if head is None or modified is None else (head, bool(modified))


def git(folder: Path, *words: str) -> str | None:
    """Return what git says of a folder of a checkout; None if it fails."""
    try:
        command = ["git", "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
