"""What `fit` must return: something else is one line that says what it was."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from helpers.images.made_up_data import sites

from medshift.benchmark.contract import registry
from medshift.benchmark.contract.fitted import FittedPredictor
from medshift.benchmark.contract.predictor import UNCOPYABLE, fresh_copy
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.folder import write_protocol
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs import run
from medshift.benchmark.runs.tuning import Budget
from medshift.shifts.errors import MedshiftError


class Locked:
    def __init__(self):
        self.level, self.guard = 0.5, threading.Lock()

    def __call__(self, images):
        return torch.full((len(images), 2), self.level)


@dataclass(frozen=True)
class Forgets:
    """Forgets to return, or returns what cannot be copied."""

    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"
    what: str = ""

    def fit(self, access):
        return Locked() if self.what == "lock" else None


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("", r"^baseline 'forgets': fit returned None; return an object that is called with images"),
        ("lock", r"copy\.deepcopy of its Locked fails at the attribute 'guard': TypeError: cannot pickle"),
    ],
)
@pytest.mark.parametrize("draws", [0, 1])
def test_a_run_says_what_fit_returned(tmp_path, monkeypatch, what, message, draws):
    monkeypatch.setitem(registry.TABLE.builtins, "forgets", f"{__name__}:Forgets")
    dataset = sites({"A": 12, "B": 8})
    terms, table = plan.plan(dataset, Choices(source="A", shifts=("gamma",), severities=(1,)))
    write_protocol(terms, table, tmp_path / terms.name)
    made = run.Job(dataset, terms, table, "forgets", Forgets(what), 0, tmp_path, budget=Budget(draws))
    with pytest.raises(MedshiftError, match=message):
        run.run(made, torch.device("cpu"), run.RunProgress())


def test_functions_without_a_copy_are_refused():
    with pytest.raises(MedshiftError, match="an object that can be copied, not a function"):
        fresh_copy(lambda images: images)


@pytest.mark.parametrize("error", [*UNCOPYABLE, RuntimeError])
def test_a_fitted_model_that_cannot_be_copied_is_shared(error):
    class Session:
        def __call__(self, images):
            return images

        def __deepcopy__(self, memo):
            raise error("a session of another runtime")

    model = Session()
    copied = fresh_copy(FittedPredictor(model, 2, rejections=False))
    assert copied.model is model
