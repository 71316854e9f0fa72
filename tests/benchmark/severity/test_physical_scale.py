"""Severities in physical units."""

from __future__ import annotations

import inspect
import re
from importlib import import_module

import pytest

from medshift.benchmark.severity.physical_scale import UNCHANGED, scale
from medshift.shifts import catalogue
from medshift.shifts.numerics.severity import ENDLESS


@pytest.mark.parametrize("shift", catalogue.BUILTINS)
def test_the_value_of_severity_0_is_the_one_that_the_shift_starts_from(shift):
    module, _, name = catalogue.BUILTINS[shift].target.partition(":")
    source = inspect.getsource(import_module(module))
    found = re.findall(rf"interpolate_(?:severity|dose)\({name.upper()}, severity(?:, none=([0-9.e]+))?\)", source)
    (none,) = (float(each) if each else ENDLESS for each in found)
    assert UNCHANGED.get(shift, 0.0) == none


@pytest.mark.parametrize(
    ("shift", "value", "severity"),
    [
        *(("psf-blur", 1.4, 3.0), ("psf-blur", 1.15, 2.5), ("psf-blur", 0.3, 0.5), ("jpeg", 33.0, 2.5)),
        *(("jpeg", 10.0, 5.0), ("poisson-noise", 4000.0, 0.5), ("poisson-noise", 700.0, 1.5)),
    ],
)
def test_a_value_and_its_severity_are_found_from_each_other_whichever_way_the_scale_runs(shift, value, severity):
    assert scale(shift).severity(value) == pytest.approx(severity)
    assert scale(shift).value(severity) == pytest.approx(value)


@pytest.mark.parametrize(("shift", "value"), [("psf-blur", 3.3), ("psf-blur", -0.1), ("jpeg", 9.0), ("jpeg", 101.0)])
def test_a_value_beyond_either_end_has_no_severity(shift, value):
    assert scale(shift).severity(value) is None


@pytest.mark.parametrize(
    ("shift", "severity", "text"),
    [
        *(("psf-blur", 3.0, "1.4 sd px"), ("jpeg", 2.5, "33 quality")),
        *(("poisson-noise", 0.5, "4e+03 quanta"), ("poisson-noise", 0, "over 1000 quanta")),
    ],
)
def test_a_severity_is_written_with_its_unit(shift, severity, text):
    assert scale(shift).text(severity) == text
