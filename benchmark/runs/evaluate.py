"""Evaluation from Python: what `medshift run` does, for a baseline by name or for a fitted model."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from ...shifts.catalogue import SEVERITIES
from ...shifts.errors import MedshiftError
from ..contract import registry
from ..contract.precision import DEFAULT, Precision
from ..contract.sees import SEES, Sees
from ..datasets.importing.options import make_options
from ..files.atomic import replace, scratch_folder, sha256
from ..protocols.choices import Choices
from ..protocols.folder import write_protocol
from ..protocols.untested import require_adaptation
from ..submissions import card, siblings, submission
from ..submissions.fields import ENTRY
from ..submissions.predictions import PREDICTIONS_FILE
from . import environment, tuning
from .job import Job, RunProgress
from .run import run
from .study_notes import study_notes
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
    reading: Mapping[str, object] | None = None,
    positive: str = "",
    shifts: Sequence[str] = (),
    families: Sequence[str] = (),
    severities: Sequence[int] = SEVERITIES,
    severity_scale: Literal["physical", "matched"] = "physical",
    requantise: bool = True,
    groups_per_domain: bool = False,
    ignore_split: bool = False,
    adapt: bool = True,
    settings: Mapping[str, object] | None = None,
    budget: Literal["", "short", "standard", "long"] = "",
    tune: int = 0,
    seed: int = 0,
    out: str | Path | None = None,
    name: str = "",
    sees: Sees = "source",
    rejections: bool = False,
    submitter: str = "",
    device: str = "auto",
    threads: int = 0,
    precision: Precision = DEFAULT,
    progress: RunProgress | None = None,
) -> Scores:
    """Train a baseline on one site, or take a fitted model, and score it under real and synthesized shifts.

    Sets torch's thread count and deterministic algorithms for the process, as `medshift run` does. The method runs in
    this process, and the card says so; in `medshift run` it has one of its own.

    Args:
        model: Name of a baseline, or `my_module:MyBaseline`; or any callable: images (N, C, *spatial), float32 in
            [0, 1], on the device -> probabilities (N, K), a tensor or NumPy array with rows summing to 1. A callable is
            not trained, and medshift cannot know which data it has seen. A network is copied, moved to the device and
            set to evaluation mode.
        data: Folder with a `manifest.csv` (image, label, domain, split_group).
        dataset: Instead of `data`: name of a data set; the embedded simulated one by default.
        protocol: Folder of an existing protocol, used unchanged.
        source: Domain to train on; by default the data set's own source, or the largest domain.
        targets: Domains of the real shifts; all others by default.
        classes: With `data`: the labels to keep, in this order.
        image_size: With `data`: side in pixels; by default the smallest image's, at most 96.
        modality: With `data`: mr, ct, xray, fundus, ...; picks the shifts.
        reading: With `data`: further options of `datasets.importing.options.Options`, e.g. `{"fit": "pad"}`.
        positive: Of two classes the one to find; by default the second.
        shifts: Names of synthesized shifts; by default those that suit the modality.
        families: Keep only shifts of these families.
        severities: Integers 1 to 5.
        severity_scale: `physical`, or `matched`: severities at which all shifts cost the same similarity.
        requantise: Round shifted 8-bit images to 8 bits.
        groups_per_domain: Groups named alike in two domains are different patients.
        ignore_split: Split by group, whatever a column `split` says.
        adapt: Keep half of the groups of each target for methods that adapt to its images; False tests on all.
        settings: Hyper-parameters of a baseline: name -> value.
        budget: Length of a baseline's training, as in `settings={"budget": ...}`; by default the baseline's own.
        tune: Number of draws of the hyper-parameters to try on source validation; 0 tunes nothing.
        seed: Seed of training.
        out: Folder of submissions; None keeps no files.
        name: Entry name of a callable; by default the callable's own name.
        sees: What a callable has looked at: your own statement, for the card.
        rejections: A callable may refuse images: a row of NaN, or None in a list of rows. They count as wrong.
        submitter: Who answers for the submission.
        device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps`.
        threads: CPU threads; 0 is torch's choice.
        precision: Number format that the network of a baseline computes in: `float32`, `tf32`, `bfloat16`, `float16`.
        progress: Receives progress, and before it what `medshift run` tells of the data and the protocol; silent by
            default.

    Returns:
        Scores per condition and their aggregates, with intervals over groups.

    Raises:
        MedshiftError: An argument is unknown, invalid or does not fit the others; the message says which.
    """
    environment.running_code()  # before it may change
    if min(tune, seed, threads) < 0:
        raise MedshiftError("tune, seed and threads must not be negative")
    if sees not in SEES:
        raise MedshiftError(f"sees={sees!r}: choose one of {', '.join(SEES)}")
    if precision not in get_args(Precision):
        raise MedshiftError(f"precision={precision!r}: choose one of {', '.join(get_args(Precision))}")
    typed = [f"{key}={value}" for key, value in (settings or {}).items()]
    if twice := tuning.said_twice(budget, typed):
        raise MedshiftError(f"budget={budget!r} and settings of {twice} both say how long to train: give one")
    typed += [f"budget={budget}"] if budget else []
    own = sorted({"classes", "image_size", "modality"} & set(reading or {}))
    if own:
        raise MedshiftError(f"reading: {', '.join(own)}: give what is an argument of its own as one")
    if isinstance(model, str):
        if name:
            raise MedshiftError(f"name={name!r} is for callables: the entry of a baseline has the baseline's name")
        if rejections or sees != "source":
            raise MedshiftError("sees and rejections are for callables: a baseline declares what it sees")
        baseline = registry.make_baseline(model, typed)
        draws = tuning.budget(baseline, tune, typed)
    else:
        name = _entry_name(model, name)
        if typed or tune or precision != DEFAULT:
            what = "settings, budget, tune and precision"
            raise MedshiftError(f"model {name!r} is already fitted: {what} are for baselines given by name")
        from ..contract.fitted import FittedModel

        baseline, draws = FittedModel(model, sees, rejections=rejections), tuning.Budget()
    options = make_options(
        **{**(reading or {}), "classes": _names(classes), "image_size": image_size, "modality": modality}
    )
    where = DataChoice(dataset, Path(data) if data else None, options)
    choices = Choices(
        source=source,
        targets=_names(targets),
        positive=positive,
        shifts=_names(shifts),
        families=_names(families),
        severities=tuple(sorted(severities)),
        scale=severity_scale,
        requantise=requantise,
        groups_per_domain=groups_per_domain,
        ignore_split=ignore_split,
        adapt=adapt,
    )
    found, terms, table = resolve_terms(where, choices, Path(protocol) if protocol else None)
    progress = progress or RunProgress()
    for line in study_notes(found, terms, table, planned=protocol is None and not positive):
        progress.line(line)
    if isinstance(model, str):
        name = model
        baseline = registry.for_dims(baseline, len(found.spatial))
    require_adaptation(name, baseline.sees, terms, table)
    prepared = environment.prepare(device, threads, precision)
    if out is not None:
        write_protocol(terms, table, Path(out) / terms.name)  # before the work: another protocol may be in the way
    with ExitStack() as stack:
        if isinstance(model, str) and out is not None:
            folder = Path(out)
        else:  # a callable cannot be resumed: next time it may be a different one
            folder = stack.enter_context(scratch_folder("evaluate"))
        job = Job(found, terms, table, name, baseline, seed, folder, submitter, draws, precision)
        if out is None or folder == Path(out):
            return run(job, prepared, progress, lasts=out is not None)
        place = Path(out) / job.folder.relative_to(folder)
        siblings.require_same_images(place, job.images_sha256)
        scored = run(job, prepared, progress, lasts=False)
        _keep(job.folder, place)
    return scored


def _names(given: Sequence[str]) -> tuple[str, ...]:
    """Return names as a tuple; a single name may be given as text."""
    return (given,) if isinstance(given, str) else tuple(given)


def _entry_name(model: Callable[[Tensor], object], name: str) -> str:
    """Return the entry name of a callable.

    Raises:
        MedshiftError: The model is not a callable from images to probabilities, or the name is taken or invalid.
    """
    if isinstance(model, type) or not callable(model) or hasattr(model, "fit"):
        what = f"the class {model.__name__}" if isinstance(model, type) else f"a {type(model).__name__}"
        raise MedshiftError(
            f"model is {what}: give a baseline by name ('my_module:MyBaseline' for a class of your own), or a callable "
            "that maps images to probabilities"
        )
    name = name or getattr(model, "__name__", type(model).__name__)
    name = "model" if name == "<lambda>" else name
    if name in registry.TABLE.names():
        raise MedshiftError(f"{name!r} is a baseline of {registry.origin(name)}: choose another name for the model")
    if not re.fullmatch(ENTRY, name):
        raise MedshiftError(f"invalid name {name!r}: use at most 120 letters, digits or ._+=,@-, not a sign first")
    return name


def _keep(made: Path, place: Path) -> None:
    """Copy a submission to its place, unless the same one is there already.

    Raises:
        MedshiftError: The place holds other predictions or other statements, or a name beside it differs in case only.
    """
    if (place / card.CARD_FILE).exists():
        what = "predictions" if sha256(place / PREDICTIONS_FILE) != sha256(made / PREDICTIONS_FILE) else ""
        then, now = card.read(place), card.read(made)
        stated = [
            ("sees", then.baseline.sees, now.baseline.sees),
            ("rejections", then.rejections, now.rejections),
            ("submitter", then.submitter, now.submitter or then.submitter),  # not given: as it is
        ]
        what = what or next((f"statements ({name}={old!r})" for name, old, new in stated if old != new), "")
        if what:
            raise MedshiftError(f"{place} holds other {what}: choose another name or seed, or delete that folder")
        return
    siblings.require_fit(place, "")
    for file in submission.files_to_copy(made):
        with replace(place / file) as temporary:
            shutil.copyfile(made / file, temporary)
