"""Every built-in shift satisfies the contract for any shape, batch, order and number of threads."""

import functools
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import medshift.shifts.apply
from medshift.shifts import catalogue
from medshift.shifts.apply import apply_shift
from medshift.shifts.checks import check_shift
from medshift.shifts.errors import MedshiftError
from medshift.shifts.numerics.phantom import phantom
from medshift.shifts.numerics.rng import SampleRng
from medshift.shifts.numerics.severity import interpolate_severity

BUILTINS = sorted(catalogue.BUILTINS)


pytestmark = pytest.mark.usefixtures("one_thread")


def sizes(name, d2=(48, 48), d3=(8, 16, 24)):
    entry = catalogue.BUILTINS[name]
    channels = 1 if {0, 1} & set(entry.channels) else 3
    return [(channels, spatial) for spatial in (d2, d3) if len(spatial) in entry.dims]


@pytest.mark.parametrize("name", BUILTINS)
def test_keeps_the_contract(name):
    assert check_shift(name) == []


@pytest.mark.parametrize("name", BUILTINS)
def test_entry_is_complete(name):
    entry = catalogue.shift_info(name)
    assert entry.family in catalogue.FAMILIES
    assert entry.modalities == ("any",) or set(entry.modalities) <= set(catalogue.MODALITIES)
    assert entry.summary
    assert entry.unit
    values = catalogue.severities(name)
    assert values is not None
    assert len(set(values)) == 5
    assert list(values) in (sorted(values), sorted(values, reverse=True))
    assert "Severity is" in catalogue.load_shift(name).__doc__


@pytest.mark.parametrize("name", BUILTINS)
def test_bytes_do_not_depend_on_threads_or_batch(name):
    small, tiny = sizes(name, d2=(33, 40), d3=(5, 12, 11)), sizes(name, d2=(7, 4), d3=(2, 3, 5))
    for channels, spatial in (*small, *tiny):
        images = phantom(64, channels, spatial)
        ids = [str(index) for index in range(64)]
        torch.set_num_threads(1)
        whole = apply_shift(name, images, 5, ids, 7)
        for threads, size in ((2, 64), (2, 23), (1, 7), (1, 1)):
            torch.set_num_threads(threads)
            parts = [apply_shift(name, images[i : i + size], 5, ids[i : i + size], 7) for i in range(0, 64, size)]
            assert torch.equal(torch.cat(parts), whole), (spatial, threads, size)


@given(data=st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_any_shape_severity_and_split(data):
    name = data.draw(st.sampled_from(BUILTINS))
    entry = catalogue.BUILTINS[name]
    dims = data.draw(st.sampled_from(entry.dims))
    channels = data.draw(st.sampled_from([1, 2, 3, 4] if 0 in entry.channels else list(entry.channels)))
    spatial = data.draw(st.lists(st.integers(1, 20 if dims == 2 else 9), min_size=dims, max_size=dims))
    count = data.draw(st.integers(1, 5))
    severity = data.draw(st.sampled_from([1, 2, 3, 4, 5]) | st.integers(1, 500).map(lambda step: step / 100))
    ends = sorted([0, count, *data.draw(st.lists(st.integers(0, count), max_size=3))])
    levels = data.draw(st.sampled_from([None, 256]))
    images = torch.rand(
        count, channels, *spatial, generator=torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    )
    before, ids = images.clone(), [f"patient/{index}" for index in range(count)]
    whole = apply_shift(name, images, severity, ids, 3, levels=levels)
    parts = [apply_shift(name, images[a:b], severity, ids[a:b], 3, levels=levels) for a, b in pairwise(ends)]
    assert torch.equal(torch.cat(parts), whole)
    order = data.draw(st.permutations(range(count)))
    assert torch.equal(
        apply_shift(name, images[order], severity, [ids[i] for i in order], 3, levels=levels), whole[order]
    )
    assert torch.equal(images, before)
    assert whole.is_contiguous()
    assert whole.shape == images.shape
    assert 0 <= whole.amin() <= whole.amax() <= 1
    if levels:
        assert torch.equal((whole * 255).round() / 255, whole)


@pytest.mark.parametrize("name", BUILTINS)
def test_severities_in_between_interpolate(name):
    channels, spatial = sizes(name)[0]
    images, ids = phantom(24, channels, spatial), [str(index) for index in range(24)]
    damage = [float((apply_shift(name, images, s, ids, 1) - images).pow(2).mean()) for s in (1, 2.5, 5)]
    assert damage == sorted(damage)


def test_at_meets_the_values_and_the_identity():
    values = (0.3, 0.7, 1.1, 1.7, 2.3)
    assert [interpolate_severity(values, s, none=0.1) for s in range(6)] == [0.1, *values]
    assert interpolate_severity(values, 2.5, none=0.1) == pytest.approx(0.9)
    assert interpolate_severity(values, 0.5, none=0.1) == pytest.approx(0.2)
    with pytest.raises(ValueError, match=r"0\.\.5"):
        interpolate_severity(values, 6, none=0.1)
    for wrong in (values[:4], (*values, 3.0)):
        with pytest.raises(
            ValueError, match=f"expected five values, one for each of severities 1..5, not {len(wrong)}"
        ):
            interpolate_severity(wrong, 2, none=0.1)


def test_modalities_select():
    for modality in catalogue.MODALITIES:
        chosen = catalogue.shifts_for_modality(modality)
        families = {catalogue.shift_info(name).family for name in chosen}
        assert {"contrast", "noise", "resolution"} <= families
    assert "rician-noise" in catalogue.shifts_for_modality("mr")
    assert "rician-noise" not in catalogue.shifts_for_modality("xray")
    with pytest.raises(MedshiftError, match="Did you mean 'xray'"):
        catalogue.shifts_for_modality("x-ray")


def test_names_cost_no_torch():
    code = "import sys; import medshift.shifts as s; s.list_shifts(); s.shifts_for_modality('mr'); "
    code += "print([m for m in ('torch', 'numpy', 'matplotlib') if m in sys.modules])"
    out = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_wrong_input_is_one_clear_line():
    images, ids = phantom(2, 1, (16, 16)), ["a", "b"]
    for arguments, message in (
        (("gama", images, 1, ids, 0), "unknown shift 'gama'. Did you mean 'gamma'"),
        (("gamma", images, 0, ids, 0), "severity must be 1..5"),
        (("gamma", images, 6, ids, 0), "severity must be 1..5"),
        (("gamma", images * 255, 1, ids, 0), "in [0, 1]"),
        (("gamma", images.double(), 1, ids, 0), "float32"),
        (("gamma", images[0], 1, ids, 0), "(N, C, H, W)"),
        (("gamma", images, 1, ["a"], 0), "got 2 images, 1 sample ids"),
        (("gamma", images * torch.nan, 1, ids, 0), "finite"),
        (("gamma", images.numpy(), 1, ids, 0), "images must be a float32 tensor (N, C, *spatial), not a ndarray"),
        (("gamma", images.tolist(), 1, ids, 0), "not a list"),
        ((None, images, 1, ids, 0), "a shift is a name or a function (images, severity, rng) -> images, not None"),
        *((("gamma", images, wrong, ids, 0), "severity must be a number") for wrong in ("3", None, [3], True, 1j)),
        (("gamma", images, torch.ones(2, 3), ids, 0), "severity must be a number, not tensor([[1., 1., 1.], [1."),
        (("gamma", images, float("nan"), ids, 0), "severity must be 1..5"),
        *((("gamma", images, 1, wrong, 0), "sample_ids must be a list") for wrong in (None, "ab", b"ab", Path("a"))),
        (("gamma", images, 1, {"a", "b"}, 0), "in their order, not a set"),
        (("gamma", images, 1, [0, 1], 0), "sample ids must be strings, not 0 (int): use str(id)"),
        *((("gamma", images, 1, wrong, 0), "use str(id)") for wrong in (np.arange(2), torch.arange(2), ["a", None])),
        *((("gamma", images, 1, ids, wrong), "seed must be a whole number") for wrong in (None, "0", True, 1.0)),
    ):
        with pytest.raises(MedshiftError) as caught:
            apply_shift(*arguments)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_numbers_and_texts_of_numpy_and_generators_are_the_same_addresses():
    images, ids = phantom(2, 1, (16, 16)), ["a", "b"]
    plain = apply_shift("gaussian-noise", images, 2.5, ids, 7)
    for severity in (np.float64(2.5), torch.tensor(2.5), np.array(2.5), Fraction(5, 2)):
        assert torch.equal(apply_shift("gaussian-noise", images, severity, ids, 7), plain)
    for same in (("a", "b"), np.array(ids), (name for name in ids)):
        assert torch.equal(apply_shift("gaussian-noise", images, 2.5, same, np.int64(7)), plain)


@pytest.mark.parametrize("levels", [1, -5, True, False, 2.0, "256"])
def test_a_number_of_levels_that_rounds_nothing_sensibly_is_refused(levels):
    with pytest.raises(MedshiftError, match="levels must be a whole number from 2 up, or None for no rounding, not"):
        apply_shift("gamma", phantom(1, 1, (8, 8)), 1, ["a"], 0, levels=levels)


def test_no_levels_and_the_zero_of_a_protocol_round_nothing():
    images = phantom(1, 1, (8, 8))
    assert torch.equal(*(apply_shift("gamma", images, 1, ["a"], 0, levels=levels) for levels in (None, 0)))


@pytest.mark.parametrize("name", BUILTINS)
def test_the_function_of_a_built_in_shift_counts_as_its_name(name):
    function = catalogue.load_shift(name)
    assert catalogue.shift_info(function) is catalogue.BUILTINS[name]
    assert catalogue.severities(function) == catalogue.severities(name)
    assert catalogue.origin(function) == catalogue.origin(name)


def test_a_listed_function_draws_as_its_name_and_a_wrapper_of_it_does_not():
    images, ids, noise = phantom(2, 1, (16, 16)), ["a", "b"], catalogue.load_shift("gaussian-noise")
    named = apply_shift("gaussian-noise", images, 2, ids, 0)
    assert torch.equal(apply_shift(noise, images, 2, ids, 0), named)
    wrapper = functools.wraps(noise)(lambda *arguments: noise(*arguments))
    assert catalogue.shift_info(wrapper).name == "gaussian_noise"
    with pytest.raises(MedshiftError, match="shift 'saturation' is for images with 3 channels, not 1"):
        apply_shift(catalogue.load_shift("saturation"), images, 2, ids, 0)


def test_levels_round_as_an_export_does():
    images = phantom(2, 1, (16, 16))
    out = apply_shift("gaussian-noise", images, 2, ["a", "b"], 0, levels=256)
    assert torch.equal((out * 255).round() / 255, out)
    assert (out - apply_shift("gaussian-noise", images, 2, ["a", "b"], 0)).abs().max() <= 0.5 / 255 + 1e-6


def test_no_images_give_no_images():
    assert apply_shift("psf-blur", torch.zeros(0, 1, 8, 8), 3, [], 0).shape == (0, 1, 8, 8)


def test_a_batch_that_is_cut_into_cached_parts_is_the_same(monkeypatch):
    images, ids = phantom(5, 3, (24, 20)), [str(index) for index in range(5)]
    for name in ("gaussian-noise", "psf-blur", "jpeg", "rotation"):
        monkeypatch.setattr(medshift.shifts.apply, "PIXELS_PER_PART", 10**9)
        whole = apply_shift(name, images, 3, ids, 0, levels=256)
        monkeypatch.setattr(medshift.shifts.apply, "PIXELS_PER_PART", 24 * 20 * 3 * 2)
        assert torch.equal(apply_shift(name, images, 3, ids, 0, levels=256), whole)


def test_whole_severities_reach_a_shift_as_integers():
    def indexes(images, severity, rng):
        return images * (0.9, 0.8, 0.7, 0.6, 0.5)[severity - 1]

    images = phantom(1, 1, (8, 8))
    assert torch.equal(apply_shift(indexes, images, 2.0, ["a"], 0), images * 0.8)
    with pytest.raises(MedshiftError, match=r"severity 2\.5, failed: TypeError"):
        apply_shift(indexes, images, 2.5, ["a"], 0)


def test_draws_are_the_same_from_any_number_of_threads():
    ids = [str(index) for index in range(7)]
    drawn = []
    for threads in (1, 2, 3, 16):
        torch.set_num_threads(threads)
        rng = SampleRng(0, "x", 1, ids)
        rates = torch.full((7, 60, 100), 3.0)
        drawn.append([rng.normal((60, 100)), rng.uniform((60, 100)), rng.poisson(rates), rng.integers(0, 9, (6000,))])
        assert (rates == 3).all()
    for other in drawn[1:]:
        assert all(torch.equal(a, b) for a, b in zip(drawn[0], other, strict=True))


def test_a_forked_process_draws_too():
    code = "import os, torch; from medshift.shifts import SampleRng; torch.set_num_threads(2)\n"
    code += "draw = lambda: SampleRng(0, 'x', 1, ['a', 'b']).normal((20000,))\nfirst = draw()\npid = os.fork()\n"
    code += "if pid == 0: os._exit(0 if torch.equal(draw(), first) else 3)\n"
    code += "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    out = run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == "0"
