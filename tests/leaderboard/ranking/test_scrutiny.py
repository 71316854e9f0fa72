"""What a maintainer should look at: copies and figures too good are found, honest entries are left alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from helpers.boards import page
from scipy.stats import chi2

from medshift.benchmark.protocols.truth import truth_of
from medshift.benchmark.scoring.bootstrap import resampled_splits
from medshift.leaderboard.entries.entries import protocol_folder
from medshift.leaderboard.entries.sketches import _misfit, sketch
from medshift.leaderboard.ranking.board import rank_entries
from medshift.leaderboard.ranking.scrutiny import seeds
from medshift.leaderboard.ranking.scrutiny.plausible import TOO_CALIBRATED, medians_of_others
from medshift.leaderboard.ranking.scrutiny.remark import listed

SHIFTS = {"gamma": "contrast", "gaussian-noise": "noise", "psf-blur": "resolution"}
RECIPE = {"lr": 0.001, "budget": "standard"}


class World:
    """A board of honest entries: what is hard is so for all of them, and each fit has luck of its own."""

    def __init__(self, fabricate, root):
        self.fabricate = fabricate
        rows = fabricate.table(groups=50, per_group=2, targets=("site-b",))
        self.place, self.protocol, self.rows = fabricate.contest(root, rows, targets=("site-b",), shifts=SHIFTS)
        self.labels = {c.key: truth_of(rows, c)["label"].to_numpy() for c in self.protocol.conditions()}
        self.severity = {c.key: c.severity for c in self.protocol.conditions()}

    def hard(self, key):
        """What is hard about the images of a condition: the same ones under every shift."""
        condition = next(c for c in self.protocol.conditions() if c.key == key)
        rng = np.random.default_rng([7, *condition.domain.encode(), *condition.split.encode()])
        return rng.normal(size=len(self.labels[key]))

    def fit(self, luck, falls=0.18):
        """Predict with a fit of some luck."""
        rng, made = np.random.default_rng([11, luck]), {}
        for key, labels in self.labels.items():
            left = 0.7 if key == "site-b" else 1 - falls * self.severity[key]
            odds = 1.8 * left * (2 * labels - 1) + 1.5 * self.hard(key) + rng.normal(size=len(labels))
            made[key] = probabilities(odds)
        return made

    def enter(self, name, *seeds, **more):
        for seed, arrays in enumerate(seeds):
            self.fabricate.submission(self.place, self.protocol, self.rows, name, seed, arrays=arrays, **more)

    def board(self):
        return rank_entries(protocol_folder(self.place), 100, workers=1)


def probabilities(odds):
    one = 1 / (1 + np.exp(-np.asarray(odds, np.float64)))
    return np.stack([1 - one, one], axis=1).astype(np.float32)


def log_odds(given):
    return np.log(given[:, 1].astype(np.float64) / given[:, 0])


def noisy(arrays, share, seed=5):
    rng = np.random.default_rng(seed)
    return {k: probabilities((z := log_odds(a)) + share * z.std() * rng.normal(size=len(z))) for k, a in arrays.items()}


@pytest.fixture(scope="module")
def world(fabricate, tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSHIFT_HOME", str(root / "home"))
        made = World(fabricate, root / "in")
        for number in range(6):
            made.enter(f"honest-{number}", made.fit(2 * number), made.fit(2 * number + 1))
        made.enter("adabn", made.fit(100), config=RECIPE)
        made.enter("tent", noisy(made.fit(100), 0.03), config=RECIPE)
        made.enter("linear-probe", made.fit(200), made.fit(200), config={"arch": "x"})
        made.enter("guessing", {key: probabilities(0.01 * made.hard(key)) for key in made.labels})
        yield made


def test_honest_entries_are_left_alone_also_those_that_stand_on_one_fit(world):
    assert list(world.board().remarks) == []


def truth(world, spread=0.0, falls=0.0):
    rng = np.random.default_rng(3)
    made = {}
    for key, labels in world.labels.items():
        noise = rng.normal(size=len(labels)) if spread else 0
        made[key] = probabilities((2 * labels - 1) * (2.5 - falls * world.severity[key]) + spread * noise)
    return made


def pieced(world):
    """Take each condition from another entry, with a little noise."""
    fits = [noisy(world.fit(2 * number), 0.02) for number in range(6)]
    return {key: fits[number % 6][key] for number, key in enumerate(world.labels)}


def corrected(world):
    """Help another's predictions with the labels."""
    return {key: probabilities(log_odds(a) + 2 * world.labels[key] - 1) for key, a in world.fit(0).items()}


def hard(arrays):
    return {key: np.eye(2, dtype=np.float32)[given.argmax(axis=1)] for key, given in arrays.items()}


ATTACKS = {
    "the truth": (lambda w: [hard(truth(w))], "perfect", "no error in 11 tested conditions"),
    "the truth, softened": (lambda w: [truth(w)], "perfect", "no error in 11 tested conditions"),
    "the truth with noise": (lambda w: [truth(w, 1.5)], "steady", "does not fall where the others do"),
    "the truth with noise that grows": (lambda w: [truth(w, 2.0, 0.35)], "unrelated", "not on the images that the"),
    "the truth at the real site": (
        lambda w: [noisy(w.fit(0), 1.0) | {"site-b": truth(w, 1.0)["site-b"]}],
        "beyond validation",
        "is better under site-b than on source validation makes plausible",
    ),
    "bytes of another": (
        lambda w: [w.fit(0)],
        "alike",
        "honest-0/seed-0 and stranger/seed-0 are too alike: their predictions are equal in every condition",
    ),
    "one bit of each changed": (
        lambda w: [{k: np.nextafter(a, np.float32(0.5)) for k, a in w.fit(0).items()}],
        "alike",
        "have the same order within classes",
    ),
    "noise of a tenth": (lambda w: [noisy(w.fit(0), 0.1)], "alike", "have the same order within classes"),
    "rescaled": (
        lambda w: [{k: probabilities(log_odds(a) ** 3 / 9 + 0.3) for k, a in w.fit(0).items()}],
        "alike",
        "have the same order within classes",
    ),
    "rounded": (
        lambda w: [{k: np.round(a, 2).astype(np.float32) for k, a in w.fit(0).items()}],
        "alike",
        "have the same order within classes",
    ),
    "decisions of another": (
        lambda w: [hard(w.fit(0))],
        "alike",
        "are right and wrong on the same images",
    ),
    "helped by the labels": (lambda w: [corrected(w)], "alike", "have the same order within classes"),
    "pieced together": (lambda w: [pieced(w)], "alike", "stranger/seed-0 is pieced together from honest-"),
    "one fit as seeds": (lambda w: [w.fit(50)] * 3, "alike", "are of one fit: their predictions are equal"),
    "one fit as seeds with noise": (
        lambda w: [noisy(w.fit(50), 0.05, seed) for seed in (1, 2)],
        "alike",
        "stranger/seed-0 and stranger/seed-1 are of one fit: their predictions have the same order",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_too_alike_or_too_good_is_named(world, name, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(world.place.parent.parent / "home"))
    arrays, kind, says = ATTACKS[name]
    seeds = arrays(world)
    world.enter("stranger", *seeds)
    try:
        found = world.board().remarks
    finally:
        for path in sorted((world.place / "stranger").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        (world.place / "stranger").rmdir()
    (remark,) = [one for one in found if one.kind == kind]
    assert says in remark.text
    assert "stranger" in remark.entries
    assert not [one for one in found if "stranger" not in one.entries]


def test_whoever_takes_parts_of_an_entry_is_looked_at_with_it(world, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(world.place.parent.parent / "home"))
    victim = world.fit(200)
    keys = list(victim)
    thieves = {"half": set(keys[::2]), "rest": set(keys[1::2])}
    world.enter("victim", victim)
    for number, (name, taken) in enumerate(thieves.items()):
        own = world.fit(201 + number)
        world.enter(name, {key: victim[key] if key in taken else own[key] for key in keys})
    try:
        found = world.board().remarks
    finally:
        for name in ("victim", *thieves):
            for path in sorted((world.place / name).rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
            (world.place / name).rmdir()
    assert {"victim", "half", "rest"} <= {name for remark in found for name in remark.entries}


def test_equal_predictions_of_relatives_are_named_and_so_are_near_ones_of_strangers(world, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(world.place.parent.parent / "home"))
    world.enter("lame", world.fit(100), config=RECIPE)
    world.enter("adapted", noisy(world.fit(100), 0.03, 8), sees="test-batches", config=RECIPE)
    try:
        found = world.board().remarks
    finally:
        for name in ("lame", "adapted"):
            for path in sorted((world.place / name).rglob("*"), reverse=True):
                path.unlink() if path.is_file() else path.rmdir()
            (world.place / name).rmdir()
    (remark,) = found
    assert {"lame", "adabn", "adapted"} <= set(remark.entries)


def test_the_page_names_what_to_look_at_beside_the_entry_and_counts_methods_and_submitters(fabricate, tmp_path):
    made = World(fabricate, tmp_path)
    made.enter("mine+lr=0.1", made.fit(0), made.fit(0))
    made.enter("mine", made.fit(1))
    board = made.board()
    text = page(board)
    assert text.count("too alike ¶</span>") == 1
    assert "<li>mine+lr=0.1/seed-0 and mine+lr=0.1/seed-1 are of one fit: their predictions are equal" in text
    assert "Entries by method: 2 of 1 method; with more than one: mine 2." in text
    assert "Entries by submitter, as the cards say: somebody 2." in text


@pytest.mark.parametrize(
    ("count", "text"), [(1, "n0"), (2, "n0 and n1"), (3, "n0, n1 and n2"), (40, "n0, n1, n2, n3, n4 and 35 more")]
)
def test_many_names_are_folded(count, text):
    assert listed([f"n{index}" for index in range(count)]) == text


def misfit(labels, given):
    return _misfit(np.stack([1 - given, given], axis=1).astype(np.float32), labels)


def test_a_calibrated_model_is_not_too_well_calibrated_and_one_that_was_fitted_to_the_labels_is():
    rng = np.random.default_rng(0)
    chances, given = [], rng.uniform(0.1, 0.9, 1000)
    for _ in range(300):
        distance, freedom, _ = misfit((rng.random(1000) < given).astype(np.int64), given)
        chances.append(chi2.cdf(distance, freedom))
    assert min(chances) > 1e-5
    assert 0.4 < np.mean(chances) < 0.6
    labels, fitted = (rng.random(1000) < given).astype(np.int64), np.zeros(1000)
    for part in np.array_split(np.argsort(given), 20):
        fitted[part] = labels[part].mean() + 1e-3 * (given[part] - 0.5)
    distance, freedom, misses = misfit(labels, fitted)
    assert chi2.cdf(distance, freedom) < TOO_CALIBRATED
    assert misses == np.count_nonzero((fitted > 0.5) != labels)


def test_the_length_of_a_difference_of_sketches_is_that_of_the_orders(world):
    drawn = resampled_splits(world.protocol, world.rows, 0)
    some, other = (sketch(world.protocol, world.fit(luck), drawn).order[0] for luck in (0, 4))
    assert np.allclose((some**2).sum(axis=1), 1, atol=0.6)
    assert abs((some**2).sum() / len(some) - 1) < 0.2
    near = sketch(world.protocol, noisy(world.fit(0), 0.05), drawn).order[0]
    assert ((some - near) ** 2).sum() < 0.05 * ((some - other) ** 2).sum()


@pytest.mark.filterwarnings("ignore:All-NaN")
@pytest.mark.parametrize("rows", [2, 3, 8])
@pytest.mark.parametrize("undefined", [0, 0.5])
def test_medians_of_the_others_are_those_of_the_table_without_the_row(rows, undefined):
    rng = np.random.default_rng(rows)
    values = rng.integers(0, 4, (rows, 50)) / 7  # some are equal
    values[rng.random(values.shape) < undefined] = np.nan
    expected = [np.nanmedian(np.delete(values, row, axis=0), axis=0) for row in range(rows)]
    assert np.array_equal(medians_of_others(values), expected, equal_nan=True)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((0,), None),
        ((2, 0, 1), None),
        ((7,), "stranger: seed 7 is submitted, not 0"),
        ((17, 42, 88), "stranger: seeds 17, 42 and 88 are submitted, not 0 to 2"),
        ((0, 2), "stranger: seeds 0 and 2 are submitted, not 0 to 1"),
    ],
)
def test_seeds_that_are_not_the_first_are_looked_at(numbers, said):
    row = SimpleNamespace(name="stranger", cards=[SimpleNamespace(seed=number) for number in numbers])
    assert [(each.title, each.text) for each in seeds.remarks([row])] == (
        [("not the first seeds", said)] if said else []
    )


def test_a_board_says_it(fabricate, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    place, protocol, rows = fabricate.contest(tmp_path / "in", fabricate.table(groups=4))
    fabricate.submission(place, protocol, rows, "picked", 42)
    (remark,) = rank_entries(protocol_folder(place), 50, workers=1).remarks
    assert (remark.kind, remark.entries) == ("picked seeds", ("picked",))
