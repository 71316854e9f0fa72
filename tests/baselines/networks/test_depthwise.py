"""The quicker gradient of depthwise convolutions is the gradient."""

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional

from medshift.baselines.networks import depthwise
from medshift.baselines.networks.depthwise import Depthwise, DepthwiseConv2d, with_quick_gradients
from medshift.baselines.networks.network import Network


@pytest.fixture
def measured(monkeypatch):
    """As on a processor on which it was measured."""
    monkeypatch.setattr(depthwise, "MEASURED", (torch.backends.cpu.get_cpu_capability(),))


@settings(deadline=None, max_examples=25)
@given(
    sides=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    kernel=st.tuples(st.sampled_from([1, 3, 5, 7]), st.sampled_from([1, 3, 5, 7])),
    sizes=st.tuples(st.integers(1, 3), st.integers(2, 4)),
)
@pytest.mark.parametrize("biased", [False, True])
def test_its_gradients_are_those_of_torch_for_any_map_and_kernel(biased, sides, kernel, sizes):
    draw = torch.Generator().manual_seed(0)
    count, channels = sizes
    padding = tuple(side // 2 for side in kernel)
    maps = torch.randn(count, channels, *sides, generator=draw).contiguous(memory_format=torch.channels_last)
    weight, above = torch.randn(channels, 1, *kernel, generator=draw), torch.randn(maps.shape, generator=draw)
    found, plain = [], []
    torchs = lambda maps, weight, bias, padding: functional.conv2d(maps, weight, bias, 1, padding, 1, channels)  # noqa: E731
    for into, convolve in ((found, Depthwise.apply), (plain, torchs)):
        leaves = [maps.clone().requires_grad_(), weight.clone().requires_grad_()]
        leaves += [torch.ones(channels, requires_grad=True)] * biased
        made = convolve(*leaves, *[None] * (not biased), padding)
        made.backward(above)
        into += [made.detach(), *(leaf.grad for leaf in leaves)]
    assert torch.equal(found[0], plain[0])
    for mine, its in zip(found[1:], plain[1:], strict=True):
        assert torch.allclose(mine, its, atol=1e-4)


def test_it_has_gradients_of_its_gradients_as_penalties_on_gradients_need():
    draw = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 3, 2, 4, generator=draw, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 1, 5, 3, generator=draw, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, generator=draw, dtype=torch.float64, requires_grad=True)
    convolve = lambda *given: Depthwise.apply(*given, (2, 1))  # noqa: E731
    assert gradcheck(convolve, (maps, weight, bias))
    assert gradgradcheck(convolve, (maps, weight, bias))


@pytest.mark.usefixtures("measured")
def test_a_network_keeps_its_names_outputs_and_nearly_its_gradients(monkeypatch):
    torch.manual_seed(0)
    network = Network("tf_efficientnet_lite0", 2, 1, 0, None)
    quick = [name for name, module in network.named_modules() if isinstance(module, DepthwiseConv2d)]
    assert len(quick) == 12  # of 16: the others halve their maps
    monkeypatch.setattr(depthwise, "MEASURED", ())
    plain = Network("tf_efficientnet_lite0", 2, 1, 0, None)
    assert not any(isinstance(module, DepthwiseConv2d) for module in plain.modules())
    plain.load_state_dict(network.state_dict(), strict=True)
    images = torch.rand(4, 1, 64, 64)
    asked = []
    apply = Depthwise.apply
    monkeypatch.setattr(Depthwise, "apply", lambda *given: asked.append(1) or apply(*given))
    with torch.no_grad():
        assert torch.equal(network.eval()(images), plain.eval()(images))
    assert not asked
    outputs = [each.train()(images) for each in (network, plain)]
    assert torch.equal(*outputs)
    assert len(asked) == 7  # the maps of 4x4 and 2x2 pixels
    for each in outputs:
        each.square().sum().backward()
    largest = max(float(parameter.grad.abs().max()) for parameter in plain.parameters())
    for (name, mine), (_, its) in zip(network.named_parameters(), plain.named_parameters(), strict=True):
        assert torch.allclose(mine.grad, its.grad, atol=1e-4 * largest), name


@pytest.mark.usefixtures("measured")
def test_it_is_copied_pickled_and_exported_as_any_convolution():
    network = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 5, padding=2, groups=4))
    with_quick_gradients(network)
    images = torch.rand(2, 4, 3, 3)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert torch.equal(other(images), network(images))
    program = torch.export.export(network.eval().requires_grad_(False), (images,))
    assert torch.equal(program.module()(images), network(images))


@pytest.mark.usefixtures("measured")
def test_it_trains_with_torch_before_2_4_which_tells_of_autocast_without_a_device(monkeypatch):
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda: False)
    network = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 5, padding=2, groups=4))
    with_quick_gradients(network)
    network(torch.rand(2, 4, 3, 3)).sum().backward()
    assert network[0].weight.grad.any()


@pytest.mark.parametrize(
    "settings", [{"stride": 2}, {"dilation": 2}, {"padding": 1}, {"padding_mode": "reflect"}, {"groups": 2}]
)
@pytest.mark.usefixtures("measured")
def test_other_convolutions_are_left_alone(settings):
    network = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 5, **{"padding": 2, "groups": 4} | settings))
    with_quick_gradients(network)
    assert type(network[0]) is torch.nn.Conv2d


@pytest.mark.usefixtures("measured")
def test_half_precision_keeps_torchs_own():
    network = torch.nn.Sequential(torch.nn.Conv2d(4, 4, 5, padding=2, groups=4))
    with_quick_gradients(network)
    with torch.autocast("cpu", torch.bfloat16):
        made = network(torch.rand(2, 4, 3, 3))
    made.float().sum().backward()
    assert network[0].weight.grad.dtype == torch.float32
    assert torch.isfinite(network[0].weight.grad).all()
