"""Checks of the contract of baselines, for authors' tests: `assert check_baseline("my-method") == []`."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ...shifts.catalogue import FAMILIES
from ...shifts.errors import MedshiftError, in_one_line
from ..datasets.dataset import Dataset
from ..protocols.condition import Condition
from ..protocols.splits import split
from . import registry
from .access import Access, grant
from .predictor import Predictor, for_condition, fresh_copy, require_predictor, validated_probabilities
from .registry import Baseline

QUICK = {"steps": 4, "batch_size": 8, "pretrain_steps": 4}  # set if the baseline has them
SIDE = 32
SAME = 1e-4  # a probability may differ by as much between batches of other sizes: sums are rounded in another order
CPU = torch.device("cpu")


def check_baseline(name: str, settings: list[str] | None = None, device: torch.device = CPU) -> list[str]:
    """List every way in which a baseline breaks the contract, one line each; an empty list is a pass.

    Checks that the dataclass is frozen, and on a tiny synthetic data set that the baseline fits, and fits again to the
    same bytes; that its predictor can be copied and returns probabilities, also for batches of one image and of one
    class; that these do not depend on the other images, unless it declares `test-batches`; that state of one copy does
    not reach another; and that neither fitting nor predicting touches torch's global random state. No labels of targets
    are handed over. What the method prints goes to standard error.

    Args:
        name: Name of the baseline, or `my_module:MyBaseline`.
        settings: `key=value`, as after `--set`.
        device: Where to fit and predict.
    """
    if name in registry.TABLE.clashes:
        return [registry.TABLE.clashes[name]]
    try:
        baseline = registry.make_baseline(name, settings or [])
    except MedshiftError as error:
        return [str(error)]
    problem = registry.unstorable(name, baseline)
    if problem:
        return [problem]
    fields = {field.name for field in dataclasses.fields(baseline)}  # type: ignore[arg-type]
    given = {setting.partition("=")[0] for setting in settings or []}
    quick = {key: value for key, value in QUICK.items() if key in fields - given}
    try:
        baseline = dataclasses.replace(baseline, **quick)  # type: ignore[type-var]
    except ValueError as error:
        shown = ", ".join(f"{key}={value}" for key, value in quick.items())
        return [f"does not take the settings of a short check, {shown} ({in_one_line(error)}): --set others"]
    dataset = tiny()
    table = split(dataset.table.assign(row=range(len(dataset.table))), "site-a", ("site-b", "site-c"))
    access = grant(
        dataset,
        table,
        "site-a",
        ("site-b", "site-c"),
        baseline.sees,
        0,
        device,
        "the tiny data set of the checks",
        lambda line: None,
    )
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        before = _global_state(device)
        try:
            with redirect_stdout(sys.stderr):  # where what a method prints in a run goes, too
                problems = [*_thawed(baseline), *_problems(name, baseline, access)]
        except MedshiftError as error:
            return [str(error)]
        except (Exception, SystemExit) as error:  # third-party code may raise anything, and even exit
            return [f"raised {in_one_line(error)}"]
        if not all(map(torch.equal, before, _global_state(device))):
            problems.append("used or seeded torch's global random state: fork it (torch.random.fork_rng)")
    return problems


def _global_state(device: torch.device) -> list[Tensor]:
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def tiny() -> Dataset:
    """Make 112 grey images of three sites: noise, half with a brighter square; each site is darker than the last."""
    rng = np.random.default_rng(20240501)
    count = {"site-a": 64, "site-b": 24, "site-c": 24}
    rows, images = [], []
    for place, (domain, number) in enumerate(count.items()):
        for index in range(number):
            label = index // 2 % 2
            image = rng.uniform(0.2, 0.5, (1, SIDE, SIDE))
            row, col = rng.integers(2, SIDE - 12, 2)
            image[:, row : row + 10, col : col + 10] += 0.4 * label
            images.append(np.rint(image * (1 - 0.2 * place) * 255).astype(np.uint8))
            rows.append((f"{domain}-{index:02d}", label, domain, f"{domain}-p{index // 2}"))
    table = pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group"])
    return Dataset("tiny", "1", ("no", "yes"), "any", table, np.stack(images))


def _thawed(baseline: Baseline) -> Iterator[str]:
    if not type(baseline).__dataclass_params__.frozen:  # type: ignore[attr-defined]  # of every dataclass
        yield "is a dataclass that is not frozen, so fit could change what the card records: @dataclass(frozen=True)"


def _problems(name: str, baseline: Baseline, access: Access) -> Iterator[str]:
    images = access.val.batch(slice(None)).to(access.device)
    one_class = images[torch.from_numpy(access.val.labels).to(access.device) == 0]
    batches = {"a whole batch": images, "a batch of one image": images[:1], "a batch of one class": one_class}
    with _no_cache():
        predictor = require_predictor(baseline.fit(access), name)
    for what, batch in batches.items():
        _probabilities(predictor, batch, access, what)
    first = _probabilities(predictor, images, access, "a whole batch")
    if baseline.sees != "test-batches":
        yield from _batch_dependence(predictor, images, first, access)
    for family in FAMILIES if hasattr(predictor, "leaving_out") else ():
        what = f"a batch under a shift of family {family}"
        _probabilities(
            for_condition(predictor, Condition("site-a", "synthesized", "?", 1, family)), images, access, what
        )
    stream = fresh_copy(predictor)
    for _ in range(3):
        stream(images * 0.5)
    if not torch.equal(first, _probabilities(predictor, images, access, "a whole batch")):
        yield "state of one copy of the predictor reaches another: keep all state in the object, none outside it"
    with _no_cache():
        again = baseline.fit(access)
    if not torch.equal(first, _probabilities(again, images, access, "a whole batch")):
        yield "a second fit with the same seed predicts differently: use a generator seeded with access.seed"


def _batch_dependence(predictor: Predictor, images: Tensor, whole: Tensor, access: Access) -> Iterator[str]:
    """Check that an image is predicted the same in one batch, alone after others, and in another order."""
    alone = _probabilities(_OneByOne(fresh_copy(predictor)), images, access, "images one by one")
    back = _probabilities(predictor, images.flip(0), access, "a batch in reverse order").flip(0)
    apart = max(float((found - whole).abs().max()) for found in (alone, back))
    if apart > SAME:
        yield (
            f"predicts an image differently with others in the batch, by up to {apart:.2g}: predict each by itself, "
            "without state, or declare test-batches"
        )


class _OneByOne:
    """Predicts the images of a batch one after the other, with one copy, whose state would show."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def __call__(self, images: Tensor) -> Tensor:
        return torch.cat([self.predictor(image[None].clone()) for image in images])


def _probabilities(predictor: Predictor, images: Tensor, access: Access, what: str) -> Tensor:
    """Predict with a fresh copy; raise MedshiftError unless it returns probabilities."""
    given = images.clone()
    returned = fresh_copy(predictor)(given)
    if not torch.equal(given, images):
        raise MedshiftError(f"predicting {what} changed the images it was given: work on a copy")
    condition = Condition(what, "clean")
    return torch.from_numpy(validated_probabilities(returned, len(images), len(access.classes), condition))


@contextmanager
def _no_cache() -> Iterator[None]:
    """Use an empty home folder, so that `fit` trains instead of loading cached weights."""
    before = os.environ.get("MEDSHIFT_HOME")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEDSHIFT_HOME"] = folder
        try:
            yield
        finally:
            os.environ.pop("MEDSHIFT_HOME")
            if before is not None:
                os.environ["MEDSHIFT_HOME"] = before
