"""The fingerprint: measures of known images, and known shifts recovered."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import torch

from medshift.benchmark.audit import findings
from medshift.benchmark.audit.audit import audit, place_sites
from medshift.benchmark.audit.fingerprint import fingerprint
from medshift.benchmark.audit.fingerprint.placement import GRID, Curve, place_site
from medshift.benchmark.audit.fingerprint.sensitivity import REACTS, UNPLACED
from medshift.benchmark.audit.fingerprint.validation import recovered, validate
from medshift.benchmark.audit.measures import table as measures
from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.scoring.bootstrap import resample_counts
from medshift.shifts import catalogue
from medshift.shifts.apply import apply_shift
from medshift.shifts.errors import MedshiftError


def scenes(count, side=48, channels=1, seed=0):
    """Return smooth blobs with edges, float32 (N, C, side, side) in 0.1 to 0.9."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    images = np.full((count, channels, side, side), 0.15)
    for _ in range(6):
        cy, cx, radius = (rng.uniform(low, high, (count, 1, 1)) for low, high in ((0, 1), (0, 1), (0.1, 0.35)))
        disc = 1 / (1 + np.exp(((y - cy) ** 2 + (x - cx) ** 2 - radius**2) * 150))
        images += disc[:, None] * rng.uniform(0.05, 0.22, (count, channels, 1, 1))
    return torch.tensor(images.clip(0.1, 0.9), dtype=torch.float32)


def of(images):
    return dict(zip(measures.measure_names(images.shape[1]), measures.measure(images).T, strict=True))


def ids(count):
    return [f"s{i}" for i in range(count)]


def dataset(images, domains, modality="any"):
    table = pd.DataFrame(
        {
            "sample_id": ids(len(images)),
            "label": [i % 2 for i in range(len(images))],
            "domain": domains,
            "group": [f"g{i // 2}" for i in range(len(images))],
        }
    )
    return Dataset("made-up", "1", ("no", "yes"), modality, table, (images.numpy() * 255).round().astype(np.uint8))


@pytest.mark.parametrize("sd", [0.01, 0.04, 0.1])
def test_noise_is_measured_in_grey_levels(sd):
    rng = torch.Generator().manual_seed(0)
    found = of(torch.normal(0.5, sd, (8, 1, 64, 64), generator=rng).clamp(0, 1))
    assert found["noise"].mean() == pytest.approx(100 * sd, rel=0.06)
    assert found["grain"].mean() == pytest.approx(0.5, abs=0.05)
    assert abs(found["bright_noise"].mean()) < 0.15


def test_edges_do_not_count_as_noise():
    assert of(scenes(8))["noise"].max() < 0.3


def test_tone_and_colour_by_hand():
    flat = torch.zeros(1, 3, 32, 32) + torch.tensor([0.4, 0.2, 0.1]).view(1, 3, 1, 1)
    found = of(flat)
    assert found["level"][0] == pytest.approx(math.log2(0.299 * 0.4 + 0.587 * 0.2 + 0.114 * 0.1), abs=1e-5)
    assert found["warmth"][0] == pytest.approx(2)
    assert found["tint"][0] == pytest.approx(0, abs=1e-5)
    ramp = torch.linspace(0, 1, 4096).view(1, 1, 64, 64)
    for exponent in (1.0, 2.0):  # the mean of x**g over the ramp is 1 / (1 + g)
        assert of(ramp**exponent)["midtone"][0] == pytest.approx(math.log2(1 + exponent), abs=0.08)


def test_blocks_are_seen_on_their_own_grid_alone():
    images = (scenes(6) + 0.02 * torch.randn(6, 1, 48, 48, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    packed = apply_shift("jpeg", images, 3, ids(6), 0)
    assert of(packed)["blocks"].mean() > of(images)["blocks"].mean() + 3
    assert of(packed.roll((4, 4), (2, 3)))["blocks"].mean() < of(images)["blocks"].mean()


def test_blur_widens_edges_and_takes_detail_by_the_law_of_a_gaussian():
    sharp = torch.rand(16, 1, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    soft = apply_shift("psf-blur", sharp, 2, ids(16), 0)  # 0.9 pixels
    measured = of(soft)["detail"].mean() - of(sharp)["detail"].mean()

    def mean_power(low, high):  # of blurred white noise, over a ring of frequencies
        f = np.linspace(low, high, 200)
        return np.average(np.exp(-4 * np.pi**2 * 0.9**2 * f**2), weights=f)

    law = 10 * np.log10(mean_power(0.13, 0.25) / mean_power(0.05, 0.13))
    assert measured == pytest.approx(law, abs=1.0)
    assert of(apply_shift("psf-blur", scenes(8), 3, ids(8), 0))["edge"].mean() > of(scenes(8))["edge"].mean() + 0.5


def test_an_image_measures_the_same_alone_and_in_volumes():
    images = scenes(5, channels=3)
    whole = measures.measure(images)
    alone = np.concatenate([measures.measure(images[i : i + 1]) for i in range(5)])
    np.testing.assert_allclose(whole, alone, rtol=1e-4, atol=1e-4)
    volumes = scenes(2)[:, :, None].repeat(1, 1, 9, 1, 1)
    np.testing.assert_allclose(measures.measure(volumes), measures.measure(scenes(2)), rtol=1e-4, atol=1e-4)


def test_every_built_in_shift_is_placed_or_said_not_to_be():
    assert set(REACTS) | set(UNPLACED) == set(catalogue.BUILTINS)
    assert not set(REACTS) & set(UNPLACED)
    assert {name.removesuffix("~") for part in REACTS.values() for name in part} <= set(measures.MEASURES)


def test_a_fingerprint_looks_at_no_label_and_spans_groups():
    made = dataset(scenes(40), ["a"] * 40)
    (one,) = fingerprint.fingerprints(made, ["a"])
    turned = Dataset(
        "made-up", "1", ("no", "yes"), "any", made.table.assign(label=1 - made.table["label"]), made.pixels
    )
    (other,) = fingerprint.fingerprints(turned, ["a"])
    np.testing.assert_array_equal(one.replicates, other.replicates)
    inside = [low <= mean <= high for mean, (low, high) in zip(one.means, one.intervals(), strict=True)]
    assert np.mean(inside) > 0.9
    assert one.weights.sum(axis=1).tolist() == [20.0] * len(one.weights)  # groups are resampled, not images
    alone = dataclasses.replace(one, groups=np.zeros_like(one.groups))
    assert np.isnan(alone.intervals()).all()  # one patient shows no spread
    two = dataclasses.replace(one, groups=one.groups % 2)
    assert np.ptp(two.intervals(), axis=1).max() > np.ptp(one.intervals(), axis=1).max()


@pytest.mark.parametrize(("shift", "severity"), [("gaussian-noise", 2.3), ("psf-blur", 1.6), ("contrast-loss", 1.2)])
def test_a_shifted_domain_is_placed_where_it_is(shift, severity):
    images = scenes(120)
    images[60:] = apply_shift(shift, images[60:], severity, ids(60), 7)
    made = dataset(images, ["a"] * 60 + ["b"] * 60)
    found = place_sites(made, fingerprint.fingerprints(made, ["a", "b"]), [shift])["b"][0]
    assert found.severity == pytest.approx(severity, abs=0.35)
    assert found.low <= found.severity <= found.high
    back = place_sites(made, fingerprint.fingerprints(made, ["b", "a"]), [shift])["a"][0]
    assert back.severity < 0
    assert back.text == "below 0"


def test_domains_alike_are_placed_at_zero():
    made = dataset(scenes(120), ["a", "a", "b", "b"] * 30)
    for place in place_sites(made, fingerprint.fingerprints(made, ["a", "b"]), ["gaussian-noise", "gamma", "psf-blur"])[
        "b"
    ]:
        assert place.low <= 0.2
        assert place.severity < 0.6


@pytest.mark.parametrize("groups", [2, 3, 6])
def test_a_domain_of_few_groups_is_placed_with_a_wider_interval(groups):
    rng = np.random.default_rng(0)
    weights = resample_counts(60 + groups, 200, 1, "a")
    owners = np.arange(120) // 2, 60 + np.arange(120) % groups
    one, other = (
        fingerprint.Fingerprint(name, np.arange(120), rng.normal(level, 0.1, (120, 1)), owner, weights)
        for name, level, owner in zip("ab", (1, 2), owners, strict=True)
    )
    curve = Curve("gaussian-noise", GRID[:, None] * np.array([[0.5, 0.5]]))
    place = place_site(one, other, curve, ["noise"])
    assert place.severity == pytest.approx(2, abs=0.2)
    assert place.low < place.severity < place.high
    many = dataclasses.replace(other, groups=np.arange(120) % 60)
    usual = place_site(dataclasses.replace(one, groups=owners[0]), many, curve, ["noise"])
    assert place.high - place.low > usual.high - usual.low
    assert place_site(one, dataclasses.replace(other, groups=np.full(120, 60)), curve, ["noise"]) is None


def test_a_domain_of_one_group_is_said_not_to_be_placed():
    made = dataset(scenes(60), ["a"] * 40 + ["b"] * 20)
    made.table.loc[made.table["domain"] == "b", "group"] = "one"
    (note,) = findings.unplaced("a", fingerprint.fingerprints(made, ["a", "b"]))
    assert note.text == "b has images of a single group only: it is not placed on the severity scales of shifts"
    (note,) = findings.unplaced("b", fingerprint.fingerprints(made, ["b", "a"]))
    assert note.text == "b has images of a single group only: no domain is placed on the severity scales of shifts"


def test_validation_of_a_source_with_few_groups_is_refused_before_the_audit():
    made = dataset(scenes(6), ["a"] * 6)
    with pytest.raises(MedshiftError, match=r"halves of the groups of a, which has 3 groups; 4 are needed"):
        audit(made, "a", ["gamma"], None, validated=True)


def test_validation_recovers_what_was_applied_and_names_it():
    made = dataset(scenes(60, side=32), ["a"] * 60)
    trials = validate(made, "a", ["gaussian-noise", "contrast-loss", "rotation"])
    found = {each.shift: each for each in recovered(trials)}
    assert set(found) == {"gaussian-noise", "contrast-loss"}  # rotation has no measure
    assert len(trials) == 2 * 2 * 8
    for each in found.values():
        assert each.error < 0.4
        assert abs(each.bias) < 0.3
        assert each.recognised > 0.8
