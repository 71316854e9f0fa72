"""Debiased linear CKA: its known values, its jackknife, and kept libraries that compute the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from medshift.benchmark.studies.similarity.cka import debiased_cka, difference, gram, mean
from medshift.shifts.errors import MedshiftError


def cka(x, y, groups=None):
    return debiased_cka(gram(x), gram(y), np.arange(len(x)) if groups is None else groups)


def plug_in(x, y):
    """The estimator that the study does not use."""
    x, y = x - x.mean(0), y - y.mean(0)
    return np.square(x.T @ y).sum() / np.sqrt(np.square(x.T @ x).sum() * np.square(y.T @ y).sum())


def independent(estimator, n, seeds=20, d=8):
    return np.mean([estimator(*np.random.default_rng(seed).normal(size=(2, n, d))) for seed in range(seeds)])


def waves(n, d, e):
    """Features without random numbers, so that the values of another library can be written down."""
    i = np.arange(n)[:, None]
    return np.sin(1 + i * (np.arange(d) + 1)), 2 + np.cos(i * i / (np.arange(e) + 2))


def test_the_same_features_have_cka_1_and_an_interval_of_no_width():
    x = np.random.default_rng(0).normal(size=(30, 6))
    found = cka(x, x)
    assert found.value == pytest.approx(1)
    assert found.interval == pytest.approx((1, 1))


def test_rotation_scale_and_mean_of_features_do_not_matter():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 25, 6))
    turned, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    assert cka(x, -3 * x @ turned + 100).value == pytest.approx(1)
    assert cka(x @ turned * 1e-3 - 7, 50 * y).value == pytest.approx(cka(x, y).value)
    assert cka(y, x).value == pytest.approx(cka(x, y).value)


# .198 and .114 are what pull request 9129 of MONAI gives for the plug-in, on other draws; d / (d + n) is .200, .111
@pytest.mark.parametrize(("n", "biased"), [(32, 0.198), (64, 0.114), (256, 0.029)])
def test_independent_features_have_cka_0_where_the_plug_in_tells_of_likeness(n, biased):
    assert independent(plug_in, n) == pytest.approx(biased, abs=0.012)
    assert abs(independent(lambda x, y: cka(x, y).value, n)) < 0.02


def test_more_features_than_images_do_not_make_independent_ones_alike():
    assert independent(plug_in, 20, d=400) > 0.9
    assert abs(independent(lambda x, y: cka(x, y).value, 20, d=400)) < 0.05


# ckatorch 1.0.3 `cka_batch` and thingsvision 2.7.3 `CKANumPy(unbiased=True)`, which agree to 14 digits
@pytest.mark.parametrize(
    ("shape", "theirs"),
    [
        ((12, 5, 7), 0.03942872506983792),
        ((40, 8, 60), 0.002900019656726032),
        ((9, 30, 3), -0.22088924851215389),
    ],
)
def test_kept_libraries_compute_the_same(shape, theirs):
    assert cka(*waves(*shape)).value == pytest.approx(theirs, abs=1e-12)


def test_an_installed_ckatorch_computes_the_same():
    core = pytest.importorskip("ckatorch.core")
    import torch

    x, y = waves(33, 4, 9)
    theirs = float(core.cka_batch(torch.from_numpy(x)[None], torch.from_numpy(y)[None]))
    assert cka(x, y).value == pytest.approx(theirs, abs=1e-12)


def test_the_jackknife_leaves_out_one_group_with_all_its_images():
    x, y = waves(17, 3, 5)
    groups = np.array([0, 1, 2, 0, 3, 3, 3, 1, 2, 4, 4, 0, 2, 1, 5, 5, 3])
    found = cka(x, y, groups)
    left = [
        cka(x[kept], y[kept], np.unique(groups[kept], return_inverse=True)[1]).value
        for kept in (groups != group for group in range(6))
    ]
    np.testing.assert_allclose(found.without, left, atol=1e-12)


def test_the_interval_covers_the_value_of_many_images():
    """Patients with several images each, features of which a half is shared."""
    rng = np.random.default_rng(3)

    def pair(patients):
        own, noise = rng.normal(size=(patients, 1, 4)), rng.normal(size=(2, patients, 3, 4))
        x, y = (own + each for each in noise)
        return x.reshape(-1, 4), y.reshape(-1, 4), np.repeat(np.arange(patients), 3)

    truth = cka(*pair(250)).value
    found = [cka(*pair(40)).interval for _ in range(60)]
    assert np.mean([low <= truth <= high for low, high in found]) >= 0.88
    assert 0.02 < np.mean([high - low for low, high in found]) < 0.5


def test_differences_and_means_of_the_same_images_are_paired():
    x, y = waves(20, 3, 5)
    one = cka(x, y)
    assert difference(one, one).interval == pytest.approx((0, 0))
    assert mean([one, one]).interval == pytest.approx(one.interval)


def test_constant_features_have_no_cka():
    x, y = waves(12, 3, 5)
    found = cka(x, np.full_like(y, 7.3))
    assert np.isnan(found.value)
    assert np.isnan(found.interval).all()


def test_four_patients_have_a_cka_and_without_one_of_them_none():
    x, y = waves(12, 3, 5)
    found = cka(x, y, np.repeat(np.arange(4), 3))
    assert np.isfinite(found.value)
    assert np.isnan(found.interval).all()
    with pytest.raises(MedshiftError, match="at least 4 patients or other groups; there are 3"):
        cka(x, y, np.repeat(np.arange(3), 4))


def between(icc, patients, images, d, rng):
    """Features, a share `icc` of the variance of which lies between patients."""
    own, rest = rng.normal(size=(patients, 1, d)), rng.normal(size=(patients, images, d))
    return (np.sqrt(icc) * own + np.sqrt(1 - icc) * rest).reshape(-1, d)


@pytest.mark.parametrize("icc", [0.0, 0.3, 0.8])
def test_independent_features_that_both_know_the_patient_have_cka_0(icc):
    """Taken for independent, the images of 8 patients give .25 at a share of .3, with every interval above 0."""
    rng = np.random.default_rng(7)
    groups = np.repeat(np.arange(8), 16)
    found = [cka(*(between(icc, 8, 16, 32, rng) for _ in range(2)), groups) for _ in range(60)]
    assert abs(np.mean([each.value for each in found])) < 0.05
    assert np.mean([each.interval[0] <= 0 <= each.interval[1] for each in found]) >= 0.9


def test_patients_of_other_sizes_and_means_count_alike():
    """By hand: means over all images of patients that differ, each patient with the same weight."""
    x, y = waves(9, 3, 5)
    groups = np.array([0, 0, 0, 1, 2, 2, 3, 4, 4])

    def hsic(k, members):
        def of(*patients):
            return np.ix_(*(np.flatnonzero(groups == patient) for patient in patients))

        pairs, triples, quads = (list(itertools.permutations(members, n)) for n in (2, 3, 4))
        one, other = k
        return (
            np.mean([(one * other)[of(*two)].mean() for two in pairs])
            - 2 * np.mean([(one[of(a, b)].mean(1) * other[of(a, c)].mean(1)).mean() for a, b, c in triples])
            + np.mean([one[of(a, b)].mean() * other[of(c, d)].mean() for a, b, c, d in quads])
        )

    k, m = x @ x.T, y @ y.T
    by_hand = hsic((k, m), range(5)) / np.sqrt(hsic((k, k), range(5)) * hsic((m, m), range(5)))
    assert cka(x, y, groups).value == pytest.approx(by_hand, abs=1e-12)
    assert cka(x + 5, y - 3, groups).value == pytest.approx(by_hand, abs=1e-12)


def test_the_same_features_have_cka_1_and_turned_ones_as_well_where_patients_have_several_images():
    rng = np.random.default_rng(2)
    x, groups = between(0.5, 6, 4, 5, rng), np.repeat(np.arange(6), 4)
    turned, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    assert cka(x, x, groups).value == pytest.approx(1)
    assert cka(x, 7 * x @ turned + 1, groups).interval == pytest.approx((1, 1))


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.ones((3, 2)), np.ones((3, 2)), "at least 4 patients"),
        (np.eye(5), np.eye(6), "the same images"),
        (np.eye(5), np.eye(5) * np.nan, "NaN"),
    ],
)
def test_what_cannot_be_compared_is_refused(x, y, words):
    with pytest.raises(MedshiftError, match=words):
        cka(x, y)
