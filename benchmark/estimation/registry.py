"""The table of estimators: medshift's own by name, others through the entry points `medshift.estimators`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import cast

from ...shifts.errors import MedshiftError, in_one_line
from ...shifts.plugins import Table
from .evidence import Estimate, Estimator, Evidence, no_estimate

HERE = "medshift.benchmark.estimation"
OWN = "synthesized-regression"
BUILTINS = {
    "clean": f"{HERE}.source_figures:clean",
    "synthesized-mean": f"{HERE}.source_figures:synthesized_mean",
    "average-confidence": f"{HERE}.confidence:average_confidence",
    "difference-of-confidences": f"{HERE}.confidence:difference_of_confidences",
    "atc": f"{HERE}.thresholded:atc",
    "atc-by-class": f"{HERE}.thresholded:atc_by_class",
    "cbpe": f"{HERE}.cbpe:cbpe",
    OWN: f"{HERE}.synthesized_regression:synthesized_regression",
}
TABLE = Table("medshift.estimators", "estimator", BUILTINS)


def estimator_names() -> list[str]:
    """List medshift's estimators in the order of tables, then those of plug-ins."""
    return [*BUILTINS, *sorted(TABLE.plugins)]


def modules() -> set[str]:
    """Name the modules of all estimators."""
    plugins = (point.value for name, point in TABLE.plugins.items() if name not in TABLE.clashes)
    return {target.partition(":")[0] for target in (*BUILTINS.values(), *plugins)}


def origins() -> list[str]:
    """List the plug-ins with the distributions they come from: what else estimates depend on."""
    return [f"{name} {TABLE.origin(name)}" for name in sorted(TABLE.plugins) if name not in TABLE.clashes]


def load_estimator(name: str) -> Estimator:
    """Load an estimator.

    Raises:
        MedshiftError: The name is unknown, or what it stands for cannot be loaded or called.
    """
    found = TABLE.load(name)
    if not callable(found):
        raise MedshiftError(f"estimator {name!r} of {TABLE.origin(name)} is not a function estimate(evidence)")
    return cast("Estimator", found)


def estimate_all(evidence: Evidence, names: Sequence[str]) -> dict[str, Estimate]:
    """Estimate by several estimators; one that fails gives no estimate, and the others do."""
    return {name: _estimate(evidence, name) for name in names}


def _estimate(evidence: Evidence, name: str) -> Estimate:
    if name in BUILTINS:
        return load_estimator(name)(evidence)
    try:
        found: object = load_estimator(name)(evidence)
    except MedshiftError as error:
        return no_estimate(str(error))
    except (Exception, SystemExit) as error:  # third-party code may raise anything
        return no_estimate(f"estimator {name!r} of {TABLE.origin(name)} failed: {in_one_line(error)}")
    if not isinstance(found, Estimate):
        return no_estimate(f"estimator {name!r} of {TABLE.origin(name)} returned {type(found).__name__}, not Estimate")
    problem = _violation(found)
    return no_estimate(f"estimator {name!r} of {TABLE.origin(name)} {problem}") if problem else _plain(found)


def _violation(found: Estimate) -> str:
    """Return how an estimate breaks its contract, or an empty string."""
    given: dict[str, object] = {"value": found.value, "low": found.low, "high": found.high}  # of any type, in fact
    for name, number in given.items():
        if isinstance(number, bool) or not isinstance(number, Real) or math.isinf(number):
            return f"returned the {name} {str(number)[:40]!r}: return a number, or NaN for none"
    if found.given and not 0 <= found.value <= 1:
        return f"returned the value {float(found.value):.4g}: balanced accuracy is 0..1"
    if found.low > found.value or found.high < found.value or found.low > found.high:
        shown = f"{float(found.low):.4g}..{float(found.high):.4g} without {float(found.value):.4g}"
        return f"returned the interval {shown}: low and high are on either side of the value"
    return ""


def _plain(found: Estimate) -> Estimate:
    """Return an estimate in plain floats: an estimator may compute in any kind of number."""
    return Estimate(float(found.value), float(found.low), float(found.high), str(found.reason or ""))
