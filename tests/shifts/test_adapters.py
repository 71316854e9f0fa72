"""Adapted transforms of TorchIO and MONAI, and adapted functions of one image, satisfy the shift contract."""

import random

import numpy as np
import pytest
import torch

from medshift.shifts.adapters import from_monai, from_torchio, per_image, seeded
from medshift.shifts.apply import apply_shift
from medshift.shifts.catalogue import shift_info
from medshift.shifts.checks import check_shift
from medshift.shifts.errors import MedshiftError
from medshift.shifts.numerics.phantom import phantom
from medshift.shifts.numerics.rng import SampleRng

IDS = ["a", "b", "c", "d"]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def torchio():
    return pytest.importorskip("torchio", minversion="0.20", exc_type=ImportError)


@pytest.fixture(scope="module")
def monai():
    return pytest.importorskip("monai.transforms", exc_type=ImportError)


def test_torchio_noise_keeps_the_contract(torchio):
    assert check_shift(from_torchio(lambda s: torchio.RandomNoise(std=(0.03 * s, 0.03 * s)))) == []


def test_torchio_k_space_and_blur_keep_the_contract(torchio):
    ghosts = from_torchio(
        lambda s: torchio.RandomGhosting(num_ghosts=(4, 4), axes=(1,), intensity=(0.2 * s, 0.2 * s)), dims=(2,)
    )
    blur = from_torchio([torchio.RandomBlur(std=(0.5 * s, 0.5 * s)) for s in range(1, 6)], dims=(3,))
    assert check_shift(ghosts) == []
    assert check_shift(blur) == []
    with pytest.raises(MedshiftError, match=r"severities 1, 2, 3, 4 and 5 only, not 2\.5"):
        apply_shift(blur, phantom(1, 1, (8, 8, 8)), 2.5, ["a"], 0)


def test_torchio_sees_the_axes_as_it_reads_files(torchio):
    images, volumes = phantom(2, 3, (12, 20)), phantom(2, 1, (6, 8, 10))
    flipped = from_torchio(torchio.Flip(axes=(0,)))
    assert torch.equal(apply_shift(flipped, images, 1, IDS[:2], 0), images.flip(-1))
    assert torch.equal(apply_shift(flipped, volumes, 1, IDS[:2], 0), volumes.flip(-1))
    slices = from_torchio(torchio.Flip(axes=(2,)))
    assert torch.equal(apply_shift(slices, volumes, 1, IDS[:2], 0), volumes.flip(-3))


def test_monai_transforms_keep_the_contract(monai):
    from monai.data import MetaTensor

    noise = from_monai(lambda s: monai.RandGaussianNoise(prob=1, std=0.03 * s, sample_std=False))
    blur = from_monai([monai.GaussianSmooth(0.5 * s) for s in range(1, 6)])
    field = from_monai(lambda s: monai.RandBiasField(prob=1, coeff_range=(0.1 * s, 0.1 * s + 0.02)), dims=(2,))
    both = from_monai(
        lambda s: monai.Compose(
            [monai.RandGaussianNoise(prob=1, std=0.02 * s), monai.RandAdjustContrast(prob=1, gamma=(0.99, 1.01))]
        ),
        dims=(2,),
    )
    for shift in (noise, blur, field, both):
        assert check_shift(shift) == []
    images = phantom(1, 1, (8, 8))
    assert type(apply_shift(noise, images, 1, ["a"], 0)) is torch.Tensor
    for name in ("jpeg", "psf-blur", "ghosting", "gamma"):
        shifted = apply_shift(name, MetaTensor(images), 1, ["a"], 0)
        assert type(shifted) is torch.Tensor
        assert torch.equal(shifted, apply_shift(name, images, 1, ["a"], 0))


def test_a_chance_of_doing_nothing_is_refused(torchio, monai):
    with pytest.raises(MedshiftError, match=r"at random, with probability 0\.1: give it prob=1"):
        from_monai([monai.RandGaussianNoise(std=0.1)] * 5)
    with pytest.raises(MedshiftError, match="give it p=1"):
        from_torchio(torchio.RandomNoise(p=0.5))
    late = from_monai(lambda s: monai.RandGaussianNoise(std=0.1 * s))
    with pytest.raises(MedshiftError, match="give it prob=1"):
        apply_shift(late, phantom(1, 1, (8, 8)), 1, ["a"], 0)


def test_so_is_a_chance_inside_another_transform(torchio, monai):
    noise = monai.RandGaussianNoise(std=0.1)
    inner = "RandGaussianNoise in {} would be applied at random, with probability 0.1: give it prob=1"
    with pytest.raises(MedshiftError, match=inner.format("Compose")):
        from_monai([monai.Compose([monai.Compose([noise])])] * 5)
    with pytest.raises(MedshiftError, match=inner.format("OneOf")):
        from_monai(monai.OneOf([monai.GaussianSmooth(1), noise]))
    late = from_monai(lambda s: monai.Compose([monai.RandGaussianNoise(std=0.1 * s)]))
    with pytest.raises(MedshiftError, match=inner.format("Compose")):
        apply_shift(late, phantom(1, 1, (8, 8)), 1, ["a"], 0)
    for holder in (torchio.Compose, torchio.OneOf):
        with pytest.raises(MedshiftError, match=f"RandomNoise in {holder.__name__} would .* give it p=1"):
            from_torchio(holder([torchio.RandomBlur(), torchio.RandomNoise(p=0.5)]))
    with pytest.raises(MedshiftError, match="Compose would be applied at random"):
        from_torchio(torchio.Compose([torchio.RandomNoise()], p=0.5))
    noise.prob = np.float32(0.5)
    with pytest.raises(MedshiftError, match=r"at random, with probability 0\.5"):
        from_monai(noise)


def test_what_makes_no_transform_is_told_what_is_expected():
    class Blur:  # a transform of a third library, which passes on what it does not know
        def __call__(self, thing):
            return thing

    with pytest.raises(MedshiftError, match="Blur returned a int for severity 2, not a transform: adapters take a fun"):
        apply_shift(from_monai(Blur()), phantom(1, 1, (8, 8)), 2, ["a"], 0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda image: (image * 255).astype(np.uint8), r"returned uint8: return floats in \[0, 1\]"),
        (lambda image: torch.ones(image.shape, dtype=torch.int64), "returned int64: return floats"),
        (lambda image: image * 255, r"returned values up to \d+[.\d]*: return floats in"),
        (lambda image: None, "returned None, not an image"),
    ],
)
def test_results_on_another_scale_are_refused_instead_of_clipped_to_white(change, problem):
    bright = per_image(lambda image, severity, rng: change(image))
    with pytest.raises(MedshiftError, match=problem):
        apply_shift(bright, phantom(1, 1, (8, 8)), 1, ["a"], 0)


def test_a_librarys_integers_are_refused_too(monai):
    cast = from_monai(monai.Compose([monai.ScaleIntensity(0, 255), monai.CastToType(np.uint8)]))
    with pytest.raises(MedshiftError, match="returned uint8: return floats"):
        apply_shift(cast, phantom(1, 1, (8, 8)), 1, ["a"], 0)


def test_overshoots_are_clipped_and_masks_are_black_and_white():
    images = phantom(1, 1, (8, 8))
    sharper = per_image(lambda image, severity, rng: image * 4 - 1)
    assert torch.equal(apply_shift(sharper, images, 1, ["a"], 0), (images * 4 - 1).clamp(0, 1))
    mask = per_image(lambda image, severity, rng: image > 0.5)
    assert torch.equal(apply_shift(mask, images, 1, ["a"], 0), (images > 0.5).float())


def dots(image, severity, rng):
    """White dots."""
    return np.where(rng.random(image.shape[1:]) < 0.02 * severity, 1.0, image)


def draws_globally(image, severity, rng):
    noise = np.random.normal(size=image.shape) + random.gauss(0, 1) + torch.randn(image.shape).numpy()  # noqa: NPY002
    return image + 0.02 * severity * noise


def writes_in_place(image, severity, rng):
    image *= 1 - 0.1 * severity
    return image[::-1][::-1]


@pytest.mark.parametrize("function", [dots, draws_globally, writes_in_place])
def test_a_function_of_one_image_keeps_the_contract(function):
    assert check_shift(per_image(function)) == []


def test_five_transforms_and_known_attributes():
    lifted = per_image(dots, dims=(2,), family="artefact", unit="share", severities=(0.02, 0.04, 0.06, 0.08, 0.1))
    known = shift_info(lifted)
    assert (known.name, known.summary, known.dims, known.unit) == ("dots", "White dots.", (2,), "share")
    for name in ("dim", "lean", "clips_itself", "checks_range"):
        with pytest.raises(TypeError, match=f"unknown shift attribute '{name}'"):
            per_image(dots, **{name: True})
    with pytest.raises(MedshiftError, match="five transforms, one per severity, not 4"):
        from_torchio([dots] * 4)


def test_global_states_come_back_even_after_an_error():
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002

    def fails(image, severity, rng):
        random.random()
        raise ValueError("no")

    with pytest.raises(MedshiftError, match="failed: ValueError: no"):
        apply_shift(per_image(fails), phantom(1, 1, (8, 8)), 1, ["a"], 0)
    with seeded(2**64 - 1):
        torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert random.getstate() == before[2]


def test_an_empty_batch_is_an_empty_batch():
    assert per_image(dots)(torch.zeros(0, 1, 8, 8), 1, SampleRng(0, "dots", 1, [])).shape == (0, 1, 8, 8)
