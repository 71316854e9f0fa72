"""Training batches made ahead: the very bytes of a loop that makes them one by one, whoever draws besides."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
import torch
from helpers.images.bright_squares import TINY, access

from medshift.baselines.common import batches, training
from medshift.baselines.common.batches import TrainingBatches, batches_ahead, tell_mirrored
from medshift.baselines.common.recipe import Recipe
from medshift.baselines.common.target_batches import draw_like
from medshift.baselines.generalisation.mixup import MixupLoss
from medshift.baselines.scratch.scratch import Scratch
from medshift.baselines.self_supervised.views import random_view
from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets.images import Images, Labelled, Pool
from medshift.benchmark.datasets.streaming import ahead
from medshift.shifts.errors import MedshiftError

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def two_threads(monkeypatch):
    monkeypatch.setattr(ahead, "cores", lambda: 3)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
    assert not [thread for thread in threading.enumerate() if thread.name == "medshift-ahead"]


def images_of(kind, count=37):
    values = np.random.default_rng(0).integers(0, 256, (count, 2, 12, 10))
    pixels = (values / 255).astype(np.float32) if kind == "float32" else values.astype(kind)
    return Labelled(pixels, (0.0, 1.0) if kind == "float32" else (3.0, 200.0), np.arange(count) % 3)


def one_by_one(images, size, draws, between):
    """The loop as it reads without any thread: an order, and then batch by batch."""
    while True:
        order = torch.randperm(len(images), generator=draws)
        for start in range(0, len(images) - size + 1, size):
            index = order[start : start + size]
            low, high = images.value_range
            pixels = torch.from_numpy(images.pixels[index.numpy()].astype(np.float32))
            unit = ((pixels - low) / (high - low)).clamp(0, 1)
            yield batches.augment(unit, draws), torch.from_numpy(images.labels)[index]
            between()


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_batches_are_those_of_a_plain_loop(kind, shared):
    images, plain, ahead = images_of(kind), torch.Generator().manual_seed(5), torch.Generator().manual_seed(5)

    def draw(generator):  # as a loss does
        return torch.rand(3, generator=generator) if shared else None

    wanted = one_by_one(images, 8, plain, lambda: draw(plain))
    with TrainingBatches(images, 8, ahead, CPU, shared=shared) as made:
        for (pixels, labels), (right_pixels, right_labels) in itertools.islice(zip(made, wanted, strict=False), 11):
            assert torch.equal(pixels, right_pixels)
            assert torch.equal(labels, right_labels)
            draw(ahead)


@pytest.mark.parametrize("shared", [False, True])
def test_batches_continue_from_a_state_as_if_nothing_had_happened(shared):
    images, draws = images_of("uint8"), torch.Generator().manual_seed(5)
    with TrainingBatches(images, 8, draws, CPU, shared=shared) as made:
        wanted = [next(made)[0] for _ in range(12)]
    for taken in (0, 3, 4, 5):  # a pass has four batches
        draws = torch.Generator().manual_seed(5)
        with TrainingBatches(images, 8, draws, CPU, shared=shared) as made:
            list(itertools.islice(made, taken))
            kept = made.state_dict()
        other = TrainingBatches(images, 8, torch.Generator(), CPU, shared=shared)
        other.load_state_dict(kept)
        with other:
            assert all(torch.equal(next(other)[0], batch) for batch in wanted[taken:])
        with made:  # closed, and taken up again
            assert all(torch.equal(next(made)[0], batch) for batch in wanted[taken:])


def test_images_in_order_are_those_of_the_plain_loop():
    images = images_of("uint8")
    with batches_ahead(images, 8, CPU) as made:
        assert torch.equal(torch.cat(list(made)), torch.cat(list(images.batches(8))))


@pytest.mark.parametrize("loss", [training.cross_entropy, MixupLoss(0.2)], ids=["nothing drawn", "pairs drawn"])
def test_a_network_learns_the_same_with_and_without_a_thread(loss):
    def weights(threads):
        torch.set_num_threads(threads)
        with training.seeded(told := access(count=40)):
            network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(told.train.pixels[0].size, 2))
            training.train(network, told, Scratch(**TINY | {"steps": 7}), loss)
        return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])

    # a linear layer of this size is one product in either case
    assert torch.equal(weights(1), weights(2))


def test_an_image_that_cannot_be_scaled_stops_training_with_its_message():
    bright = np.full((8, 1, 4, 4), 2.0, dtype=np.float32)
    images = Labelled(bright, (0.0, 1.0), np.arange(8) % 2)
    with (
        pytest.raises(MedshiftError, match="pixels exceed the value range"),
        TrainingBatches(images, 4, torch.Generator(), CPU, shared=False) as made,
    ):
        next(made)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_a_pool_reads_like_its_parts_side_by_side(kind):
    whole = images_of(kind)
    parts = [Images(whole.pixels[:10], whole.value_range), Images(whole.pixels[10:11], whole.value_range)]
    pool = Pool([*parts, Images(whole.pixels[11:], whole.value_range)])
    assert len(pool) == len(whole)
    for index in (torch.tensor([36, 0, 10, 9, 11, 10]), torch.tensor([3])):
        assert torch.equal(pool.scaled(pool.stored(index)), whole.batch(index))


def test_every_grey_level_is_scaled_to_the_bits_of_a_division():
    levels = np.arange(256, dtype=np.uint8).reshape(256, 1, 1, 1)
    for value_range, low, high in ((None, 0, 255), ((3.0, 200.0), 3, 200)):
        wanted = ((levels.astype(np.float32) - np.float32(low)) / np.float32(high - low)).clip(0, 1)
        assert np.array_equal(Images(levels, value_range).batch(slice(None)).numpy(), wanted)


def one_sided(count=32):
    """Images whose label is the side that is bright: 0 the left, 1 the right."""
    labels = np.arange(count) % 2
    pixels = np.zeros((count, 1, 16, 16), np.uint8)
    pixels[labels == 0, ..., 2:6] = pixels[labels == 1, ..., -6:-2] = 200
    return Labelled(pixels, None, labels)


def left_is_brighter(images):
    left, right = images.flatten(1, -2).mean(1).chunk(2, dim=1)
    return left.mean(1) > right.mean(1)


@pytest.mark.parametrize(("mirror", "learns"), [(True, False), (False, True)])
def test_a_class_that_is_a_side_is_learnt_from_images_that_are_not_mirrored_and_only_from_these(mirror, learns):
    images = one_sided()
    told = Access(("left", "right"), 1, (16, 16), images, images, {}, 0, CPU, "x", lambda line: None)
    with training.seeded(told):
        network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(256, 2))
    torch.nn.init.zeros_(network[1].weight)
    record = training.train(network, told, Recipe(steps=60, batch_size=16, mirror=mirror))
    losses = [loss for _, loss in record.losses]
    assert (min(losses) < 0.3) == learns
    assert (min(losses) > 0.55) != learns  # guessing has 0.69


def test_where_nothing_is_mirrored_targets_and_views_keep_their_side_and_move_as_before():
    images, draws = one_sided(64), torch.Generator().manual_seed(0)
    right = torch.from_numpy(images.labels == 1)
    lefts = Images(images.pixels[images.labels == 0], None)
    like = images.batch(slice(None))
    for mirror in (False, True):
        assert left_is_brighter(draw_like(lefts, like, draws, mirror=mirror)).all() != mirror
        kept = left_is_brighter(random_view(like, 0.1, draws, mirror=mirror)) != right
        assert bool(kept.float().mean() > 0.9) != mirror  # a crop may cut a side off
    plain, mirrored = (
        batches.augment(like, torch.Generator().manual_seed(1), mirror=mirror) for mirror in (False, True)
    )
    same = (plain == mirrored).flatten(1).all(1)
    assert 0.2 < float(same.float().mean()) < 0.8
    assert left_is_brighter(plain).tolist() == (~right).tolist()


@pytest.mark.parametrize(
    ("classes", "sides"),
    [(("left eye", "right eye"), True), (("OD", "OS"), True), (("no", "yes"), False), (("left", "both"), False)],
)
def test_classes_that_are_named_for_sides_are_told_that_images_are_mirrored(classes, sides):
    said = []
    told = Access(**{**access().__dict__, "classes": classes, "report": said.append})
    tell_mirrored(told, mirror=False)
    assert not said
    tell_mirrored(told, mirror=True)
    assert (
        said == ["classes are named for sides, and mirrored images do not show them: give --set mirror=False"] * sides
    )
