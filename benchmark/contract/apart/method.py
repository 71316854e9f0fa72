"""A method outside the run's process: fitted in one, predicting there or in others that know no condition."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from ...files.home import models
from .. import user_class
from ..registry import Baseline
from .granting import Packer
from .place import Place
from .process import MethodProcess
from .remote import RemotePredictor, copy_there

if TYPE_CHECKING:
    from ..access import Access
    from ..predictor import Predictor


@dataclass(frozen=True)
class Terms:
    """What the processes of a method have in common.

    Args:
        name: Name of the baseline, or `my_module:MyBaseline`.
        threads: CPU threads.
        hidden: Folders that they are not to read.
        each: Whether every condition is predicted in a process of its own.
    """

    name: str
    threads: int
    hidden: tuple[Path, ...] = ()
    each: bool = False


class MethodApart:
    """Fits a method in a process of its own, which ends with the context.

    Args:
        terms: What runs there.
        held: The context.
    """

    def __init__(self, terms: Terms, held: ExitStack) -> None:
        self.terms = terms
        self.held = held
        self.process: MethodProcess | None = None

    def fit(self, baseline: Baseline, access: Access) -> Predictor:
        """Fit a baseline over there on what it is granted; the callbacks of the access are called here."""
        if self.process is None or self.process.has_ended:  # killed in a draw of a search, say
            self.process = self.started(self.held, baseline, access, models(), granted=True)
        self.process.ask(("fitted",), "fit", name=self.terms.name, settings=settings_of(baseline))
        return cast("Predictor", ApartPredictor(self, self.process, baseline))

    def started(
        self, held: ExitStack, baseline: Baseline, access: Access, weights: Path, *, granted: bool
    ) -> MethodProcess:
        """Start a process.

        Args:
            held: Ends it.
            baseline: What will run there.
            access: What may be seen.
            weights: Folder of trained networks.
            granted: Whether it gets what may be seen: to predict needs no more than its callbacks.
        """
        module = self.terms.name.partition(":")[0] if user_class.is_spec(self.terms.name) else ""
        here = bool(module) or any(map(_names_a_file, settings_of(baseline).values()))
        place = Place(self.terms.hidden, here=here, weights=weights, module=module)
        packer = Packer()
        try:
            described = packer.access(access) if granted else None
            process = held.enter_context(MethodProcess(place, access, packer.files))
            process.ask(
                ("begun",),
                "begin",
                device=str(access.device),
                threads=self.terms.threads,
                precision=access.precision,
                classes=len(access.classes),
            )
            if granted:
                process.ask(("granted",), "grant", packer.arrays, access=described)
        finally:
            packer.close()
        return process


class ApartPredictor:
    """What `fit` returned over there; copies of it predict.

    Args:
        method: The method.
        process: Where it was fitted.
        baseline: What was fitted.
    """

    def __init__(self, method: MethodApart, process: MethodProcess, baseline: Baseline) -> None:
        self.method, self.process, self.baseline = method, process, baseline
        self.saved: NDArray[Any] | None = None
        self.other = method.held.enter_context(ExitStack())  # the other process that predicts

    def keep(self) -> None:
        """Save the predictor as it is before it has seen a test image, for processes that know of none."""
        answer = self.process.ask(("saved",), "save", taken=_bytes_at_most_once)
        self.saved = answer.arrays[0] if answer.arrays else None

    def __deepcopy__(self, memo: dict[int, object]) -> RemotePredictor:
        return self.in_new_process() if self.method.terms.each else copy_there(self.process)

    def in_new_process(self) -> RemotePredictor:
        """Return a copy in a new process, which nothing from the conditions that were predicted can reach.

        It loads what `keep` has saved, or fits again where that cannot be loaded, with a copy of the trained networks.
        """
        self.other.close()  # the one before
        access = replace(
            self.process.access, report=_nothing, trained=_nothing, starts_from=_nothing
        )  # it has been told once
        start = self.method.started
        if self.saved is not None:
            self.process.close()  # not needed any more: a graphics card may take one process at a time
            process = start(self.other, self.baseline, access, self._folder(), granted=False)
            loaded = process.ask(("loaded", "not loaded"), "load", [self.saved], name=self.method.terms.name)
            if loaded.kind == "loaded":
                return copy_there(process)
            self.other.close()
        scratch = self._folder()
        if models().is_dir():
            shutil.copytree(models(), scratch / "models", ignore=shutil.ignore_patterns(".*", "*.lock"))
        process = start(self.other, self.baseline, access, scratch / "models", granted=True)
        process.ask(("fitted",), "fit", name=self.method.terms.name, settings=settings_of(self.baseline))
        return copy_there(process)

    def _folder(self) -> Path:
        """Make a folder that is removed with the other process."""
        return Path(self.other.enter_context(tempfile.TemporaryDirectory(prefix="medshift-weights-")))


def settings_of(baseline: Baseline) -> Mapping[str, object]:
    """Return the hyper-parameters with which a baseline is made again."""
    return {field.name: getattr(baseline, field.name) for field in fields(cast("Any", baseline)) if field.init}


def _nothing(told: object) -> None:
    """Do nothing."""


def _bytes_at_most_once(arrays: Any) -> bool:  # noqa: ANN401 - as of `Taken`
    return not arrays or (len(arrays) == 1 and arrays[0][0] == np.dtype(np.uint8).name and len(arrays[0][1]) == 1)


def _names_a_file(setting: object) -> bool:
    """Return whether a hyper-parameter names what lies in the current folder: `weights.pt`, `local-dir:mine`."""
    name = setting.rpartition(":")[2] if isinstance(setting, str) else ""
    return bool(name) and len(name) < 1000 and not Path(name).is_absolute() and os.path.lexists(name)
