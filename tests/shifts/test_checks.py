"""Each violation of the contract by a plug-in is reported in one line, and has no side effects."""

import random
import time

import numpy as np
import pytest
import torch

from medshift.shifts import checks
from medshift.shifts.apply import apply_shift
from medshift.shifts.catalogue import severities, shift_info
from medshift.shifts.checks import check_shift
from medshift.shifts.errors import MedshiftError
from medshift.shifts.numerics.phantom import phantom

SHARE_OF_LINES = (0.02, 0.05, 0.10, 0.15, 0.25)


pytestmark = pytest.mark.usefixtures("one_thread")


def good(images, severity, rng):
    return (images + 0.02 * severity * rng.normal(images.shape[1:])).clamp(0, 1)


def motion(images, severity, rng):
    """Rigid motion with scattered lines: the example of a plug-in in the design."""
    lines = torch.fft.fft(images, dim=-2)
    moved = torch.fft.fft(images.roll(4, dims=-1), dim=-2)
    hit = rng.uniform((1, images.shape[-2], 1)) < SHARE_OF_LINES[severity - 1]
    return torch.fft.ifft(torch.where(hit, moved, lines), dim=-2).abs().clamp(0, 1)


motion.dims = (2,)


def raises(images, severity, rng):
    raise RuntimeError("no licence\nfor this host")


def returns_nan(images, severity, rng):
    return good(images, severity, rng) * torch.nan


def changes_shape(images, severity, rng):
    return good(images, severity, rng)[..., 1:]


def changes_dtype(images, severity, rng):
    return good(images, severity, rng).double()


def leaves_range(images, severity, rng):
    return images + severity


def returns_array(images, severity, rng):
    return good(images, severity, rng).numpy()


def mutates(images, severity, rng):
    return images.mul_(1 - 0.1 * severity)


def uses_torch_global(images, severity, rng):
    return (images + 0.02 * severity * torch.randn_like(images)).clamp(0, 1)


def uses_numpy_global(images, severity, rng):
    share = np.random.uniform(0.1, 0.11)  # noqa: NPY002  # tests that the legacy state is guarded
    return images * float(1 - severity * share)


def uses_python_global(images, severity, rng):
    return images * (1 - severity * random.uniform(0.1, 0.11))


def depends_on_batch(images, severity, rng):
    return (images - 0.1 * severity * images.mean()).clamp(0, 1)


def depends_on_range_of_batch(images, severity, rng):
    low, high = images.amin(), images.amax()
    return (images - low) / (high - low).clamp(min=1e-6) * (1 - 0.1 * severity)


def leaves(images, severity, rng):
    raise SystemExit(3)


def leaves_of_large_batches(images, severity, rng):
    if len(images) > 2:
        raise SystemExit(0)
    return good(images, severity, rng)


def depends_on_order(images, severity, rng):
    shade = torch.linspace(0, 1, len(images)).view(-1, *(1,) * (images.ndim - 1))
    return images * (1 - 0.1 * severity * (0.5 + shade))


def ignores_samples(images, severity, rng):
    return (images + 0.02 * severity * rng.normal(images.shape[1:])[:1]).clamp(0, 1)


def does_not_grow(images, severity, rng):
    return images * (0.5, 0.4, 0.4, 0.3, 0.2)[severity - 1]


def does_nothing_first(images, severity, rng):
    return images * (1.0, 0.8, 0.6, 0.3, 0.2)[severity - 1]


def slow(images, severity, rng):
    if len(images) == 6 and severity == 5:
        time.sleep(0.3)
    return images * (1 - 0.1 * severity)


def fails_when_tiny(images, severity, rng):
    return good(images[..., 8:, :], severity, rng) if images.shape[-2] <= 8 else good(images, severity, rng)


def grey_only(images, severity, rng):
    if images.shape[1] != 1:
        raise ValueError("one channel, please")
    return good(images, severity, rng)


def test_a_good_plug_in_passes():
    assert check_shift(good) == []
    grey_only.channels = (1,)
    assert check_shift(grey_only) == []


def test_the_documented_example_passes_or_says_why():
    problems = check_shift(motion)
    assert all("strictly" in problem or "batch" in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("shift", "message"),
    [
        (raises, "raised RuntimeError: no licence"),
        (returns_nan, "NaN"),
        (changes_shape, "returned shape"),
        (changes_dtype, "float64"),
        (leaves_range, "left [0, 1]"),
        (returns_array, "returned a ndarray"),
        (mutates, "changed the images it was given"),
        (uses_torch_global, "global random state of torch"),
        (uses_numpy_global, "global random state of numpy"),
        (uses_python_global, "global random state of random"),
        (depends_on_batch, "depend on the batch size"),
        (depends_on_range_of_batch, "depend on the batch size"),
        (leaves, "raised SystemExit: 3"),
        (leaves_of_large_batches, "raised SystemExit: 0 (6 usual images)"),
        (depends_on_order, "depend on the"),
        (ignores_samples, "randomness does not depend"),
        (does_not_grow, "grow strictly"),
        (does_nothing_first, "grow strictly"),
        (slow, "s per image"),
        (fails_when_tiny, "tiny images"),
    ],
)
def test_bad_plug_ins_are_told_why(shift, message, monkeypatch):
    monkeypatch.setattr(checks, "SLOWEST_S", 0.25 if shift is not slow else 0.04)
    torch_state = torch.get_rng_state()
    shift.dims = (2,)
    problems = check_shift(shift)
    assert any(message in problem for problem in problems), problems
    assert not any("\n" in problem for problem in problems)
    if "global" not in message:
        assert torch.equal(torch.get_rng_state(), torch_state)


def test_unknown_name_is_a_problem_not_a_crash():
    assert check_shift("psf-blurr") == ["unknown shift 'psf-blurr'. Did you mean 'psf-blur' or 'motion-blur'?"]


@pytest.mark.parametrize(
    "shift", [raises, returns_nan, changes_shape, changes_dtype, leaves_range, returns_array, leaves]
)
def test_apply_names_the_culprit(shift):
    with pytest.raises(MedshiftError, match=f"shift '{shift.__name__}' of module .*severity 2,") as caught:
        apply_shift(shift, phantom(2, 1, (16, 16)), 2, ["a", "b"], 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("attribute", "value", "problem"),
    [
        ("dims", 2, "dims is '2', not a tuple such as (2,) or (2, 3)"),
        ("dims", (2.0,), "dims is '(2.0,)', not a tuple"),
        ("channels", (), "channels is '()', not a tuple"),
        ("version", "1.2", "version is '1.2', not a whole number"),
        ("version", 1.2, "version is '1.2', not a whole number"),
        ("family", None, "family is 'None', not one of contrast, noise, resolution, artefact, plug-in"),
        ("family", "Intensity/odd", "family is 'Intensity/odd', not one of"),
        ("modalities", "mr", "modalities is 'mr', not a tuple of mr, ct,"),
        ("modalities", ("mri",), "modalities is '('mri',)', not a tuple of mr, ct,"),
        ("unit", 5, "unit is '5', not a text"),
        ("severities", (0.9, 0.8, 0.7), "severities is '(0.9, 0.8, 0.7)', not five numbers"),
        ("severities", ("mild", 2, 3, 4, 5), "not five numbers"),
        ("severities", (1, 2, 3, 4, float("nan")), "not five numbers"),
        ("severities", 3, "severities is '3', not five numbers"),
    ],
)
def test_wrong_metadata_are_one_line_that_names_where_they_are_from(attribute, value, problem):
    def dimmer(images, severity, rng):
        return images * (1 - 0.1 * severity)

    setattr(dimmer, attribute, value)
    (told,) = check_shift(dimmer)
    assert problem in told.replace('"', "'")
    assert told.startswith(f"shift 'dimmer' of module {__name__}: {attribute} is ")
    with pytest.raises(MedshiftError, match=f": {attribute} is "):
        (severities if attribute == "severities" else shift_info)(dimmer)


def test_lists_are_taken_as_tuples():
    def dimmer(images, severity, rng):
        return images * (1 - 0.1 * severity)

    dimmer.dims, dimmer.modalities, dimmer.severities = [2], ["mr", "ct"], [0.9, 0.8, 0.7, 0.6, 0.5]
    assert (shift_info(dimmer).dims, shift_info(dimmer).modalities) == ((2,), ("mr", "ct"))
    assert severities(dimmer) == (0.9, 0.8, 0.7, 0.6, 0.5)
    assert check_shift(dimmer) == []


@pytest.mark.parametrize("levels", [range(1, 6), np.arange(1, 6)], ids=["range", "array"])
def test_so_are_ranges_and_arrays_and_whole_numbers_of_numpy(levels):
    def dimmer(images, severity, rng):
        return images * (1 - 0.1 * severity)

    dimmer.severities, dimmer.version = levels, np.int64(2)
    assert severities(dimmer) == (1, 2, 3, 4, 5)
    assert shift_info(dimmer).version == 2


def test_one_that_works_in_place_or_returns_its_input_leaves_the_images_alone():
    images = phantom(2, 1, (16, 16))
    given = images.clone()
    for shift in (mutates, lambda images, severity, rng: images):
        for levels in (None, 256):
            apply_shift(shift, given, 3, ["a", "b"], 0, levels=levels).zero_()
            assert torch.equal(given, images)


def test_a_shift_says_which_images_it_takes():
    def flat(images, severity, rng):
        return images

    flat.dims, flat.channels = (2,), (3,)
    with pytest.raises(MedshiftError, match="for 2-D images, not 3-D"):
        apply_shift(flat, phantom(1, 3, (8, 8, 8)), 1, ["a"], 0)
    with pytest.raises(MedshiftError, match="with 3 channels, not 1"):
        apply_shift(flat, phantom(1, 1, (8, 8)), 1, ["a"], 0)
