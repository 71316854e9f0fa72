"""The main job from Python: what `medshift run` does, for a baseline by name or for a model that is fitted already."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ...shifts.catalogue import SEVERITIES
from ...shifts.errors import MedshiftError
from ..contract import registry
from ..files.atomic import sha256
from ..protocols.folder import write_protocol
from ..protocols.plan import Choices
from ..submissions import card
from ..submissions.predictions import PREDICTIONS_FILE
from . import environment, tuning
from .job import Job, RunProgress
from .run import run
from .terms import DataChoice, resolve_terms

if TYPE_CHECKING:
    from torch import Tensor

    from ..scoring.scores import Scores


def evaluate(
    model: str | Callable[[Tensor], object],
    *,
    data: str | Path | None = None,
    dataset: str = "",
    protocol: str | Path | None = None,
    source: str = "",
    targets: Sequence[str] = (),
    classes: Sequence[str] = (),
    image_size: int | None = None,
    modality: str = "any",
    shifts: Sequence[str] = (),
    families: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    severity_scale: Literal["physical", "matched"] = "physical",
    requantise: bool = True,
    settings: Mapping[str, object] | None = None,
    tune: int = 0,
    seed: int = 0,
    out: str | Path | None = None,
    name: str = "",
    submitter: str = "",
    device: str = "auto",
    threads: int = 0,
    progress: RunProgress | None = None,
) -> Scores:
    """Train a baseline on one site, or take a model that is fitted, and score it under real and synthesized shifts.

    Args:
        model: Name of a baseline, or `my_module:MyBaseline`; or any callable: images (N, C, *spatial), float32 in
            [0, 1] -> probabilities (N, K), rows summing to 1. A callable is not trained; what it has seen is your word.
        data: Folder with a `manifest.csv` (image, label, domain, split_group).
        dataset: Instead of `data`: a data set by name; the embedded simulated one by default.
        protocol: Folder of a protocol to run on exactly as it is.
        source: Domain to train on; the data set's own, or the largest, by default.
        targets: Domains of the real shifts; all others by default.
        classes: With `data`: the labels to keep, in this order.
        image_size: With `data`: side in pixels; by default the smallest image's, at most 96.
        modality: With `data`: mr, ct, xray, fundus, ...; picks the shifts.
        shifts: Synthesized shifts by name; those that suit the modality by default.
        families: Only shifts of these families.
        severities: Whole steps 1 to 5.
        severity_scale: `physical`, or `matched`: severities at which all shifts cost the same similarity.
        requantise: Round shifted 8-bit images to 8 bits.
        settings: Hyper-parameters of a baseline: name -> value.
        tune: Try this many draws of the hyper-parameters on source validation.
        seed: Of training.
        out: Folder of submissions. None keeps nothing.
        name: What the entry of a callable is called; by default the callable's own name.
        submitter: Who answers for the submission.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        threads: CPU threads; 0 is torch's choice.
        progress: Where progress goes; silent by default.

    Returns:
        Scores per condition and their aggregates, with intervals over groups.

    Raises:
        MedshiftError: Anything that was given does not exist or does not fit together; the message says what.
    """
    typed = [f"{key}={value}" for key, value in (settings or {}).items()]
    if isinstance(model, str):
        baseline = registry.make_baseline(model, typed)
        budget = tuning.budget(baseline, tune, typed)
    else:
        name = _entry_name(model, name)
        if typed or tune:
            raise MedshiftError(f"{name!r} is fitted already: settings and tune are for baselines")
        from ..contract.fitted import FittedModel

        baseline, budget = FittedModel(model), tuning.Budget()
    where = DataChoice(dataset, Path(data) if data else None, tuple(classes), image_size, modality)
    choices = Choices(
        source=source,
        targets=tuple(targets),
        shifts=tuple(shifts),
        families=tuple(families),
        severities=tuple(sorted(severities)),
        scale=severity_scale,
        requantise=requantise,
    )
    found, terms, table = resolve_terms(where, choices, Path(protocol) if protocol else None)
    prepared = environment.prepare(device, threads)
    with ExitStack() as stack:
        if isinstance(model, str) and out is not None:
            folder = Path(out)
        else:  # of a callable nothing can be resumed: it may be another one next time
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="medshift-evaluate-")))
        if isinstance(model, str):
            name = model
            baseline = registry.for_dims(baseline, len(found.spatial))
        job = Job(found, terms, table, name, baseline, seed, folder, submitter, budget)
        write_protocol(terms, table, folder / terms.name)
        scored = run(job, prepared, progress or RunProgress())
        if out is not None and folder != Path(out):
            write_protocol(terms, table, Path(out) / terms.name)
            _keep(job.folder, Path(out) / job.folder.relative_to(folder))
    return scored


def _entry_name(model: Callable[[Tensor], object], name: str) -> str:
    """Return what the entry of a callable is called.

    Raises:
        MedshiftError: It is a baseline's name, or not a name for an entry.
    """
    if not callable(model) or hasattr(model, "fit"):
        raise MedshiftError(
            f"model is a {type(model).__name__}: give a baseline by name ('my_module:MyBaseline' for a class), or a "
            "callable that turns images into probabilities"
        )
    name = name or getattr(model, "__name__", type(model).__name__)
    name = "model" if name == "<lambda>" else name
    if name in registry.TABLE.names():
        raise MedshiftError(f"{name!r} is a baseline of {registry.origin(name)}: give the model another name")
    if not re.fullmatch(card.ENTRY, name):
        raise MedshiftError(f"invalid name {name!r}: use up to 120 letters, digits and ._+=,@-")
    return name


def _keep(made: Path, place: Path) -> None:
    """Move a submission to its place, unless the same predictions are there already.

    Raises:
        MedshiftError: Another model's are there.
    """
    if (place / card.CARD_FILE).exists():
        if sha256(place / PREDICTIONS_FILE) != sha256(made / PREDICTIONS_FILE):
            raise MedshiftError(f"{place} holds other predictions: choose another name or seed, or remove it")
        return
    place.mkdir(parents=True, exist_ok=True)
    for file in (PREDICTIONS_FILE, card.CARD_FILE):  # the card last: it makes the submission complete
        shutil.move(made / file, place / file)
