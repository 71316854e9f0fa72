"""A sample's draws depend on its address alone."""

import torch

from medshift.shifts.numerics.rng import SampleRng

IDS = ["p1/s3", "p2", "", "ü\n"]


def draws(ids, seed=1, shift="gamma", severity=3):
    rng = SampleRng(seed, shift, severity, ids)
    return [
        rng.normal((3, 5)),
        rng.uniform((7,)),
        rng.integers(2, 9, (4,)),
        rng.poisson(torch.full((len(ids), 6), 30.0)),
    ]


def test_a_sample_draws_the_same_in_any_company():
    whole = draws(IDS)
    for order in ([0], [3, 1], [2, 0, 3, 1]):
        for part, full in zip(draws([IDS[i] for i in order]), whole, strict=True):
            assert torch.equal(part, full[order])


def test_every_part_of_the_address_counts():
    first = draws(IDS)
    for other in (draws(IDS, seed=2), draws(IDS, shift="gamm"), draws(IDS, severity=4)):
        assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert len({tuple(row.flatten().tolist()) for row in first[0]}) == len(IDS)
    rng = SampleRng(1, "gamma", 3, IDS)
    assert not torch.equal(rng.normal((5,)), rng.normal((5,)))


def test_whole_severities_are_one_address_as_int_and_float():
    assert torch.equal(draws(IDS, severity=3)[0], draws(IDS, severity=3.0)[0])


def test_ranges_and_moments():
    rng = SampleRng(0, "x", 1, [str(i) for i in range(200)])
    normal, uniform, integers = rng.normal((500,)), rng.uniform((500,)), rng.integers(-2, 3, (500,))
    assert abs(normal.mean()) < 0.015
    assert abs(normal.std() - 1) < 0.015
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.005
    assert set(integers.flatten().tolist()) == {-2, -1, 0, 1, 2}
    counts = rng.poisson(torch.full((200, 500), 3.5))
    assert abs(counts.mean() - 3.5) < 0.03
    assert abs(counts.var() - 3.5) < 0.08


def test_samples_are_independent():
    rows = SampleRng(0, "x", 1, [str(i) for i in range(60)]).normal((2000,))
    correlation = torch.corrcoef(rows).fill_diagonal_(0)
    assert correlation.abs().max() < 0.12


def test_global_generators_are_left_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    draws(IDS)
    SampleRng(1, "x", 1, IDS).generators()
    assert torch.equal(torch.get_rng_state(), before)
