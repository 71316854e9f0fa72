"""Pre-training without labels: which images it draws, how long it is, and what its control sees."""

from __future__ import annotations

import numpy as np
import pytest

from medshift.baselines.adaptation.ssl_target import SslTarget
from medshift.baselines.self_supervised import recipe, simsiam
from medshift.baselines.transfer.ssl_source import SslSource
from medshift.benchmark.contract import access as contract
from medshift.benchmark.contract.checks import CPU, tiny
from medshift.benchmark.datasets.images import Images
from medshift.benchmark.protocols.splits import split


def images(*groups):
    return Images(np.zeros((len(groups), 1, 4, 4), np.uint8), None, groups=np.array(groups, np.int64))


def granted(sees, lines=None):
    dataset, targets = tiny(), ("site-b", "site-c")
    table = split(dataset.table.assign(row=range(len(dataset.table))), "site-a", targets)
    told = contract.grant(
        dataset,
        table,
        "site-a",
        targets,
        sees,
        0,
        CPU,
        "tiny",
        (lines if lines is not None else []).append,
        stored_order=True,
    )
    return told, table


def test_epochs_of_pretraining_beside_steps_which_would_count_for_nothing_are_refused():
    with pytest.raises(ValueError, match="counts only with pretrain_steps=0, and pretrain_steps is 112"):
        SslSource(pretrain_epochs=5)
    assert SslSource(pretrain_steps=0, pretrain_epochs=5).passes(64) > SslSource(pretrain_steps=0).passes(64)


def test_draws_of_unlabelled_images_are_nested_whole_groups_of_all_parts():
    parts = [images(*np.repeat(np.arange(20), 3)), images(*np.repeat(np.arange(10, 30), 2))]
    groups = np.concatenate([part.groups for part in parts])
    before: set[int] = set()
    for count in (2, 10, 11, 40, 99):
        drawn = recipe.draw_groups(parts, count, seed=1).tolist()
        assert count <= len(drawn) < count + 5  # the last group has at most five images
        assert set(np.flatnonzero(np.isin(groups, groups[drawn]))) == set(drawn)
        assert before <= set(drawn)
        before = set(drawn)
    assert recipe.draw_groups(parts, 0, 1).tolist() == recipe.draw_groups(parts, 100, 1).tolist() == list(range(100))
    draws = {tuple(recipe.draw_groups(parts, 10, seed).tolist()) for seed in range(5)}
    assert len(draws) == 5


def test_groups_are_handed_over_as_numbers_that_tell_only_which_are_equal():
    told, table = granted("target-unlabelled")
    for domain, part in told.targets.items():
        names = table.loc[(table["domain"] == domain) & (table["split"] == "adapt"), "group"].to_numpy()
        same = names[:, None] == names
        assert np.array_equal(part.groups[:, None] == part.groups, same)
        order = np.argsort(np.unique(names, return_index=True)[1])
        assert not np.array_equal(np.argsort(part.groups[np.sort(np.unique(names, return_index=True)[1])]), order)


@pytest.mark.parametrize(
    ("method", "unlabelled", "pool"),
    [(SslSource, 10, 10), (SslTarget, 6, 46)],
)
def test_both_take_the_same_steps_on_the_images_that_each_may_see(monkeypatch, tmp_path, method, unlabelled, pool):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    steps = []
    monkeypatch.setattr(simsiam, "similarity_loss", lambda *pairs: steps.append(1) or LOSS(*pairs))
    lines: list[str] = []
    told, _ = granted(method.sees, lines)
    made = method(
        arch="small-resnet",
        start="random",
        input_size=32,
        steps=1,
        pretrain_steps=3,
        pretrain_batch=4,
        width=8,
        unlabelled=unlabelled,
    )
    made.fit(told)
    assert len(steps) == 3
    said = next(line for line in lines if line.startswith("without labels: "))
    assert said == f"without labels: 3 steps on {pool} images"


LOSS = simsiam.similarity_loss


def test_the_source_alone_is_pretrained_as_long_as_the_targets_are_on_the_built_in_data():
    patients, images_each, sites, of_site = 280, 12, 3, 80
    train = round(round(patients * 0.8) * 0.8) * images_each
    adapt = sites * of_site // 2 * images_each
    assert SslSource().pretrain_steps == SslTarget().pretrain_epochs * ((train + adapt) // SslTarget().pretrain_batch)


@pytest.mark.parametrize("wrong", [{"unlabelled": -1}, {"unlabelled": 1}, {"pretrain_steps": -1}])
def test_settings_that_cannot_pretrain_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        SslSource(**wrong)


def test_published_cards_of_ssl_target_stay_as_they_are():
    from medshift.benchmark.contract import registry

    assert not {"unlabelled", "pretrain_steps"} & set(registry.config(SslTarget()))
    assert registry.config(SslTarget(unlabelled=50))["unlabelled"] == 50
