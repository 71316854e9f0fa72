"""Where a result was made, for its card; and the settings that make it come out the same again."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ...shifts.errors import MedshiftError

if TYPE_CHECKING:
    import torch

PACKAGES = ("medshift", "torch", "torchvision", "timm", "numpy", "scipy", "scikit-learn")


def prepare(device: str, threads: int) -> torch.device:
    """Fixes thread count and determinism, and returns the device.

    Args:
        device: `auto` (CUDA where there is one), or as torch names it.
        threads: For torch on the CPU; 0 leaves torch's own choice, one a core. Results depend on it in the last bits.

    Raises:
        MedshiftError: There is no such device.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    import torch

    if threads:
        torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        found = torch.device(device)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError) as error:
        raise MedshiftError(f"--device {device}: {str(error).splitlines()[0]}") from error
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False  # or a GPU's convolutions keep 10 bits of 23: far from what a CPU predicts
    return found


def packages() -> dict[str, str]:
    """Returns the versions of what a result depends on."""
    return {name: version(name) for name in PACKAGES}


def sources() -> str:
    """Returns a hash of the code of shifts, harness and baselines, so that no run goes on with another's parts."""
    top = Path(__file__).resolve().parents[2]
    files = [file for folder in ("baselines", "benchmark", "shifts") for file in (top / folder).rglob("*.py")]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(top).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def system() -> str:
    """Returns operating system and processor type; nothing that names the machine or its user."""
    return f"{platform.system()} {platform.machine()}"


def commit() -> tuple[str | None, bool | None]:
    """Returns the commit of the checkout that medshift runs from and whether it was changed; Nones if there is none."""
    top = Path(__file__).resolve().parents[2]
    if not (top / ".git").exists():
        return None, None

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(top), *words], capture_output=True, text=True, check=True, timeout=20)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.SubprocessError):
        return None, None
