"""Where the process of a method runs: its environment, its working folder, and what is hidden from it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ...files.bounded.child import without_secrets
from ...files.code import own_files
from ...files.home import MODELS_VARIABLE, home, models
from . import confine

DATA = ("data", "datasets", "decoded", "grants", "raw", "scores", "sweeps")  # in medshift's home
TOP = Path(__file__).resolve().parents[3]
HUB = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")  # without them, a method cannot load the networks that a user may load
NEEDED = ("HOME", "HF_HOME", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TORCH_HOME", "VIRTUAL_ENV")
COMMITTED = TOP / "leaderboard" / "submissions"  # of a checkout: with the truth of its protocols


class Place:
    """A folder of its own for a process, which is removed with it.

    Args:
        hidden: Folders that it is not to read.
        here: Whether it needs what lies in the current folder, as a class of the user's does.
        weights: Folder of trained networks; medshift's by default.
        module: The user's module. Where the current folder is hidden, or lies in what is, its own files alone are seen.
    """

    def __init__(self, hidden: Sequence[Path], *, here: bool, weights: Path | None = None, module: str = "") -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="medshift-method-", ignore_cleanup_errors=True)
        self.folder = Path(self._folder.name).resolve()
        self.hidden = _real([*hidden, *(home() / name for name in DATA), COMMITTED])
        self._current = Path.cwd().resolve()
        within = not {self._current, *self._current.parents}.isdisjoint(self.hidden)
        self.own = own_files(module, self._current, beside=True) if module and within else {}
        self.weights = weights or models()
        for name in ("home", "tmp", "work"):
            (self.folder / name).mkdir()
        self.cwd = self.folder / "work"
        if here:
            self._link([*self.own.values()] if within else self._beside_hidden())

    def remove(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()

    def environment(self) -> dict[str, str]:
        """Return the variables of the process: those of this one that name no secret and nothing that is hidden."""
        names = [str(folder) for folder in self.hidden]
        given = without_secrets(os.environ, HUB)
        kept = {key: value for key, value in given.items() if key in NEEDED or not any(name in value for name in names)}
        for key in ("PWD", "OLDPWD", "MEDSHIFT_HOME"):
            kept.pop(key, None)
        if "PYTHONPATH" in kept:  # it may be relative to the current folder
            parts = kept["PYTHONPATH"].split(os.pathsep)
            kept["PYTHONPATH"] = os.pathsep.join(str(Path(part).absolute()) for part in parts if part)
        own = {"MEDSHIFT_HOME": self.folder / "home", "TMPDIR": self.folder / "tmp", MODELS_VARIABLE: self.weights}
        return {**kept, **{key: str(path) for key, path in own.items()}}

    def confined(self) -> dict[str, list[str]] | None:
        """Return what the kernel is to hide, what to leave in sight, and where to list names; None where it cannot."""
        if not confine.can_hide():
            return None
        code = {Path(each).resolve() for each in sys.path} - {Path.cwd().resolve()}
        code |= {Path(each).resolve() for each in (sys.prefix, sys.base_prefix, TOP)}
        hidden = [folder for folder in self.hidden if folder not in code]
        # code in a folder above them is imported only if the folder is listed: names are seen there, but no content
        listed = {folder for folder in code if any(folder in each.parents for each in hidden)}
        # a cache in a folder above the data would open them; what lies beside them is seen as it is
        caches = {folder for folder in _caches() if not any(folder in (each, *each.parents) for each in hidden)}
        seen = {self.folder, self.weights, *caches}
        for folder in seen:  # what is made later, beside a folder on the way to a hidden one, cannot be read
            with suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True)
        below = {each for each in code if any(folder in each.parents for folder in hidden)}
        seen = {path.resolve() for path in (*seen, *below, *self.own.values())}
        return {"hidden": [*map(str, hidden)], "seen": sorted(map(str, seen)), "listed": sorted(map(str, listed))}

    def _beside_hidden(self) -> Iterator[Path]:
        """Yield what lies in the current folder, except what is hidden or contains it."""
        above = {parent for folder in self.hidden for parent in (folder, *folder.parents)}
        return (path for path in self._current.iterdir() if path.resolve() not in above)

    def _link(self, paths: Iterable[Path]) -> None:
        """Link what lies in the current folder into the working folder, in the same place."""
        try:
            for path in paths:
                link = self.cwd / path.relative_to(self._current)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
        except OSError:  # no links on this system: the process works in the current folder
            self.cwd = self._current


def _caches() -> list[Path]:
    """Return where pretrained weights are downloaded to."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    named = {"HF_HOME": cache / "huggingface", "TORCH_HOME": cache / "torch"}
    return [Path(os.environ.get(key) or usual).expanduser() for key, usual in named.items()]


def _real(folders: Iterable[Path]) -> list[Path]:
    """Return absolute paths without links, of folders that exist."""
    return sorted({folder.resolve() for folder in folders if folder.is_dir()})
