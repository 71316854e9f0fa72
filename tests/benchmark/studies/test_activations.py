"""Stage outputs: the stages of partial transfer, what the next stage gets, averaged over space, on the same images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers.images.stripes import Small

from medshift.baselines.networks.initial_weights import stages
from medshift.baselines.networks.network import Network
from medshift.baselines.networks.volumes import VolumeNetwork
from medshift.baselines.scratch.cbr import cbr_network
from medshift.benchmark.studies.similarity.activations import align, pooled, stage_activations
from medshift.benchmark.studies.similarity.cka import gram
from medshift.shifts.errors import MedshiftError

IDS = tuple("abcdefgh")
IMAGES = torch.rand(8, 1, 24, 24, generator=torch.Generator().manual_seed(0))


def looked(network, images=IMAGES, ids=IDS, grid=1):
    return stage_activations(network, [images[:5], images[5:]], ids, grid)


def test_a_stage_gives_what_the_next_one_gets():
    network = cbr_network(1, (6, 10), 3, True, 2).eval()
    found = looked(network)
    with torch.no_grad():  # Centre, then blocks of convolution, norm, ReLU in place, pool
        first = network[:5](IMAGES)
        second = network[5:9](first)
    for stage, expected in zip(found.grams, (first, second), strict=True):
        assert stage.dimension == expected.shape[1]
        np.testing.assert_allclose(stage.products, gram(expected.mean((2, 3)).numpy()).products, atol=1e-5)


@pytest.mark.parametrize(
    ("arch", "size", "dimensions"),
    [
        ("test_resnet", 0, [32, 32, 48, 192, 96]),
        ("test_vit", 160, [64] * 7),
        ("test_convnext", 0, [24, 24, 32, 48, 64]),
    ],
)
def test_stages_are_those_of_partial_transfer(arch, size, dimensions):
    network = Network(arch, 2, 1, size, None)
    found = looked(network)
    assert list(found.stages) == ["+".join(prefix) for prefix in stages(network.body)]
    assert [stage.dimension for stage in found.grams] == dimensions


def test_a_last_layer_outside_of_the_body_costs_no_stage():
    assert looked(Small()).stages == ("0+1", "3+4")
    volumes = torch.rand(8, 1, 4, 16, 16)
    found = looked(VolumeNetwork("monai-resnet10-narrow", 2, 1, 0), volumes)
    assert found.stages[-1] == "layer4"
    assert [stage.dimension for stage in found.grams] == [16, 16, 32, 64, 128]


def test_space_is_averaged_over_a_grid_and_no_finer_than_the_stage_is():
    features = torch.arange(2 * 3 * 4 * 4.0).view(2, 3, 4, 4)
    torch.testing.assert_close(pooled(features, 1), features.mean((2, 3)))
    torch.testing.assert_close(pooled(features, 2)[0, :4], torch.tensor([2.5, 4.5, 10.5, 12.5]))
    assert pooled(features, 9).shape == (2, 48)
    tokens = torch.arange(24.0).view(2, 3, 4)
    torch.testing.assert_close(pooled(tokens, 5), tokens.mean(1))


def test_looking_leaves_no_hooks_behind():
    network = Small()
    looked(network)
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(
    ("ids", "words"), [("abcdefgx", "only 7 images are in both"), ("bacdefgh", "in another order")]
)
def test_different_images_are_never_compared(ids, words):
    network = Small()
    with pytest.raises(MedshiftError, match=words):
        align(looked(network), looked(network, ids=tuple(ids)), np.arange(8))


def test_networks_of_another_architecture_and_other_grids_are_refused():
    with pytest.raises(MedshiftError, match="one architecture"):
        align(looked(Small()), looked(cbr_network(1, (6, 10), 3, True, 2)), np.arange(8))
    with pytest.raises(MedshiftError, match="one architecture"):
        align(looked(Small()), looked(Small(), grid=2), np.arange(8))


def test_names_that_do_not_count_as_many_as_images_are_refused():
    with pytest.raises(MedshiftError, match="7 names of images were given for 8 images"):
        looked(Small(), ids=IDS[:7])
