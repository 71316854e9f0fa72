"""What a model gets: volumes that shrink, gradients, devices, sizes that are only stated, types of numbers."""

from __future__ import annotations

import pytest
import torch
from helpers.files.model_files import SIDE, Bright, truth_of_bright

from medshift.benchmark.contract.fitted import FittedPredictor
from medshift.benchmark.exchange.models.exported_programs import open_exported
from medshift.benchmark.exchange.models.interface import Interface, settle
from medshift.benchmark.exchange.models.named import _stated, open_function
from medshift.benchmark.exchange.models.options import from_options
from medshift.benchmark.exchange.models.preparation import Prepared
from medshift.shifts.errors import MedshiftError

CPU = torch.device("cpu")
IMAGES = torch.rand(7, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def resized(volumes, size):
    """What a model of this input size gets of volumes."""
    spatial, channels = tuple(volumes.shape[2:]), volumes.shape[1]
    made = settle(from_options(input_size=size), Interface(), spatial, channels, ("healthy", "sick"))
    return Prepared(lambda batch: batch, made, "it").prepared(volumes)


def test_volumes_that_shrink_are_antialiased_along_every_axis_as_planes_are():
    for axis in (2, 3, 4):
        volume = torch.zeros(1, 1, 64, 64, 64)
        volume.index_fill_(axis, torch.arange(0, 64, 4), 1.0)
        made = resized(volume, "16")
        assert made.shape == (1, 1, 16, 16, 16)
        assert made[0, 0, 2:-2, 2:-2, 2:-2].mean() == pytest.approx(0.25, abs=0.02)
    planes = torch.rand(2, 3, 1, 24, 20).expand(-1, -1, 6, -1, -1)
    flat = resized(planes[:, :, 0], "9,30")
    assert torch.allclose(resized(planes, "4,9,30"), flat[:, :, None].expand(-1, -1, 4, -1, -1))
    grown = torch.nn.functional.interpolate(planes, (6, 30, 31), mode="trilinear", align_corners=False)
    assert torch.allclose(resized(planes, "6,30,31"), grown, atol=1e-5)


def test_a_function_may_take_gradients():
    def adapted(batch):
        weights = torch.zeros(batch[0].numel(), 2, requires_grad=True)
        with torch.enable_grad():
            made = batch.flatten(1) @ weights
            made.softmax(1).var().backward()
        return made + weights.grad.sum()

    made = settle(from_options(), Interface(), (SIDE, SIDE), 1, ("healthy", "sick"))
    rows = FittedPredictor(Prepared(adapted, made, "it"), 2, rejections=False)(IMAGES)
    assert rows.shape == (7, 2)
    assert not rows.requires_grad


def test_a_network_of_a_module_is_moved_to_the_device(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "module_with_network.py").write_text("import torch\n\nnetwork = torch.nn.Linear(2, 2)\n")
    opened = open_function("module_with_network:network", torch.device("meta"))
    assert {each.device.type for each in opened.run.parameters()} == {"meta"}


def test_a_size_that_is_only_stated_may_be_changed():
    stated = _stated("it", {"input_size": (3, 224, 224)})
    assert settle(from_options(), stated, (SIDE, SIDE), 1, ("a", "b")).input_size == (224, 224)
    assert settle(from_options(input_size="64"), stated, (SIDE, SIDE), 1, ("a", "b")).input_size == (64, 64)
    with pytest.raises(MedshiftError, match="--input-channels 1: the model itself says 3"):
        settle(from_options(input_channels=1), stated, (SIDE, SIDE), 1, ("a", "b"))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_a_program_of_other_floating_point_numbers_gets_them(tmp_path, dtype):
    class Other(Bright):
        def forward(self, images):
            torch._check(images.dtype == dtype)
            return super().forward(images.float())

    shapes = ({0: torch.export.Dim("n", min=1, max=4096)},)
    made = torch.export.export(Other().eval(), (torch.rand(3, 1, SIDE, SIDE).to(dtype),), dynamic_shapes=shapes)
    torch.export.save(made, tmp_path / "m.pt2")
    opened = open_exported(tmp_path / "m.pt2", CPU, trust=False)
    images = (IMAGES * 255).round() / 256  # exact in 16 bits
    assert torch.allclose(opened.run(images).softmax(1), truth_of_bright(images), atol=1e-6)
