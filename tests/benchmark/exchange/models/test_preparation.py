"""What a model gets, and what its outputs are taken for: sizes, channels, values, layouts, batches, classes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from helpers.files.model_files import SIDE, Bright, exported, onnx_bright, saved, truth_of_bright

from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.exchange.models.exported_programs import open_exported
from medshift.benchmark.exchange.models.interface import Interface, settle
from medshift.benchmark.exchange.models.monai_metadata import from_monai
from medshift.benchmark.exchange.models.onnx_files import open_onnx
from medshift.benchmark.exchange.models.opening import open_model
from medshift.benchmark.exchange.models.options import from_metadata, from_options
from medshift.benchmark.exchange.models.preparation import Prepared, Probabilities, to_probabilities
from medshift.shifts.errors import MedshiftError

CPU = torch.device("cpu")
IMAGES = torch.rand(7, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def seen(images, spatial=(SIDE, SIDE), channels=1, **options):
    """What a model gets of images with these options."""
    made = settle(from_options(**options), Interface(), spatial, channels, ("healthy", "sick"))
    got = []
    Prepared(lambda batch: got.append(batch) or batch.flatten(1)[:, :2].float(), made, "it")(images)
    return torch.cat(got)


def test_by_default_images_are_given_as_they_are():
    assert torch.equal(seen(IMAGES), IMAGES)


def test_values_are_ranged_then_normalised_by_channel():
    made = seen(IMAGES, input_channels=3, value_range="0,255", mean="1,2,3", std="2,4,5")
    assert made.shape == (7, 3, SIDE, SIDE)
    for channel, (mean, std) in enumerate(((1, 2), (2, 4), (3, 5))):
        assert torch.allclose(made[:, channel], (IMAGES[:, 0] * 255 - mean) / std, atol=1e-4)


def test_colour_becomes_grey_as_pillow_does_it():
    from PIL import Image

    rgb = np.random.default_rng(0).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    made = seen(torch.tensor(rgb).movedim(-1, 0)[None] / 255, (5, 5), 3, input_channels=1)
    assert np.abs(made[0, 0].numpy() * 255 - np.asarray(Image.fromarray(rgb).convert("L"))).max() < 1


def test_channels_last_and_another_size():
    made = seen(IMAGES, layout="NHWC", input_size="16,24")
    assert made.shape == (7, 16, 24, 1)
    flat = torch.full((1, 1, SIDE, SIDE), 0.3)
    assert torch.allclose(seen(flat, input_size="64"), torch.full((1, 1, 64, 64), 0.3))


def test_a_list_of_the_whole_batch_is_the_batch_for_one_image_too():
    made = settle(from_options(), Interface(), (SIDE, SIDE), 1, ("healthy", "sick"))
    prepared = Prepared(lambda batch: (batch.flatten(1)[:, :2].float(),), made, "it")
    assert torch.equal(prepared(IMAGES)[:1], prepared(IMAGES[:1]))


class Scaled(torch.nn.Module):
    def forward(self, images):
        return Bright()(images.float() / 255)


def test_a_program_that_takes_8_bits_and_casts_them_needs_no_trust(tmp_path):
    example = torch.randint(0, 256, (3, 1, SIDE, SIDE), dtype=torch.uint8)
    shapes = ({0: torch.export.Dim("n", min=1, max=4096)},)
    torch.export.save(torch.export.export(Scaled().eval(), (example,), dynamic_shapes=shapes), tmp_path / "m.pt2")
    opened = open_exported(tmp_path / "m.pt2", CPU, trust=False)
    assert torch.allclose(opened.run(example), Scaled()(example))


def test_a_fixed_batch_is_kept_and_the_last_one_padded():
    sizes = []

    def run(batch):
        sizes.append(len(batch))
        return batch.flatten(1)[:, :2]

    interface = settle(Interface(), Interface(batch=3), (SIDE, SIDE), 1, ("a", "b"))
    made = Prepared(run, interface, "it")(IMAGES)
    assert sizes == [3, 3, 3]
    assert torch.equal(made, IMAGES.flatten(1)[:, :2])


@pytest.mark.parametrize(
    ("shape", "given", "layout"),
    [
        (("n", SIDE, SIDE, 3), None, "NHWC"),
        (("n", 3, SIDE, SIDE), None, "NCHW"),
        (("n", 3, SIDE, 3), None, None),
        (("n", 3, SIDE, 3), "NHWC", "NHWC"),
    ],
)
def test_the_layout_is_read_off_the_shape_where_only_one_fits(tmp_path, shape, given, layout):
    assert open_onnx(onnx_bright(tmp_path / "m.onnx", shape=shape), CPU, 2, given).stated.layout == layout


@pytest.mark.parametrize("batch", ["n", 1, 3])
@pytest.mark.parametrize("dtype", ["FLOAT", "DOUBLE"])
def test_onnx_inputs_of_other_types_and_batches_give_the_same(tmp_path, batch, dtype):
    opened = open_onnx(onnx_bright(tmp_path / "m.onnx", shape=(batch, 1, SIDE, SIDE), dtype=dtype), CPU, 2)
    interface = settle(Interface(), opened.stated, (SIDE, SIDE), 1, ("healthy", "sick"))
    made = to_probabilities(Prepared(opened.run, interface, "it")(IMAGES), "logits")
    assert torch.allclose(made, truth_of_bright(IMAGES), atol=1e-5)


def test_onnx_of_bytes_gets_whole_numbers(tmp_path):
    path = onnx_bright(tmp_path / "m.onnx", dtype="UINT8", weights=(0, 20 / 255), middle=0.6 * 255)
    opened = open_onnx(path, CPU, 2)
    interface = settle(Interface(), opened.stated, (SIDE, SIDE), 1, ("healthy", "sick"))
    images = (IMAGES * 255).round() / 255
    made = to_probabilities(Prepared(opened.run, interface, "it")(images), "logits")
    assert interface.range == (0, 255)
    assert torch.allclose(made, truth_of_bright(images), atol=1e-4)


def test_a_program_of_a_fixed_batch_is_run_in_it(tmp_path):
    data = Dataset.__new__(Dataset)  # only its classes are looked at
    object.__setattr__(data, "classes", ("healthy", "sick"))
    opened = open_model(str(exported(tmp_path / "m.pt2", Bright(), batch=4)), data, CPU, None, trust=False)
    interface = settle(Interface(), opened.stated, (SIDE, SIDE), 1, ("healthy", "sick"))
    assert interface.batch == 4
    made = to_probabilities(Prepared(opened.run, interface, "it")(IMAGES), "logits")
    assert torch.allclose(made, truth_of_bright(IMAGES), atol=1e-6)


def test_outputs_of_every_kind_become_the_same_probabilities():
    logits = torch.tensor([[0.0, 1.0], [2.0, -1.0]])
    expected = logits.softmax(1)
    assert torch.equal(to_probabilities(logits, "logits"), expected)
    assert torch.equal(to_probabilities(expected, "probabilities"), expected)
    assert torch.allclose(to_probabilities(expected[:, 1:], "score"), expected)
    assert torch.allclose(to_probabilities(logits[:, 1:] - logits[:, :1], "logits"), expected)


def test_a_refused_image_stays_refused_and_half_a_refusal_is_an_error():
    rows = torch.tensor([[0.0, 1.0], [torch.nan, torch.nan]])
    assert to_probabilities(rows, "logits").isnan().all(1).tolist() == [False, True]
    for bad in (torch.nan, torch.inf):
        with pytest.raises(MedshiftError, match="infinite values, or NaN beside numbers"):
            to_probabilities(torch.tensor([[0.0, bad]]), "logits")


def test_classes_in_another_order_are_put_into_the_datas():
    model = Probabilities(
        Prepared(lambda batch: truth_of_bright(batch).flip(1), Interface(), "it"), "probabilities", (1, 0)
    )
    assert torch.equal(model(IMAGES), truth_of_bright(IMAGES))


def test_metadata_are_read_as_options_or_as_class_names_are_usually_kept(tmp_path):
    props = {"mean": "[0.5]", "std": "0.25", "medshift.outputs": "logits", "names": "{0: 'Sick', 1: 'healthy'}"}
    opened = open_onnx(onnx_bright(tmp_path / "m.onnx", metadata=props), CPU, 2)
    made = settle(Interface(), opened.stated, (SIDE, SIDE), 1, ("healthy", "sick"))
    assert (made.mean, made.std, made.outputs, made.class_order) == ((0.5,), (0.25,), "logits", ("sick", "healthy"))
    assert opened.stated.described()[:2] == ["input size 32 x 32", "1 channel"]
    ours = settle(from_options(mean="0"), opened.stated, (SIDE, SIDE), 1, ("healthy", "sick"))
    assert ours.mean == (0,)  # an option overrides the file
    with pytest.raises(MedshiftError, match="m: its metadata cannot be read: --std zero"):
        from_metadata({"std": "zero"}, "m")


def test_monais_metadata_are_read():
    image = {"num_channels": 1, "spatial_shape": [64, 64], "value_range": [0, 1], "dtype": "float32"}
    described = {"inputs": {"image": image}, "outputs": {"pred": {"channel_def": {"0": "healthy", "1": "sick"}}}}
    made = from_monai({"network_data_format": described}, "m")
    assert made == Interface((64, 64), 1, (0, 1), class_order=("healthy", "sick"))
    image.update(value_range=[-1000, 400], spatial_shape=["*", "*"])
    made = from_monai({"network_data_format": described}, "m")
    assert (made.range, made.input_size) == (None, None)


def test_a_bundle_runs_its_torchscript_and_says_what_it_takes(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "models").mkdir()
    image = {"num_channels": 1, "spatial_shape": [SIDE, SIDE], "value_range": [0, 1]}
    metadata = {"network_data_format": {"inputs": {"image": image}, "outputs": {}}}
    (tmp_path / "configs" / "metadata.json").write_text(json.dumps(metadata))
    data = Dataset.__new__(Dataset)
    object.__setattr__(data, "classes", ("healthy", "sick"))
    (tmp_path / "models" / "model.pt").write_bytes(saved(Bright().state_dict()))
    with pytest.raises(MedshiftError, match="by Python that is run: give --trust"):
        open_model(str(tmp_path), data, CPU, None, trust=False)
    network = {"network_def": {"_target_": "helpers.files.model_files.Bright"}}
    (tmp_path / "configs" / "inference.json").write_text(json.dumps(network))
    trusted = open_model(str(tmp_path), data, CPU, None, trust=True)
    assert trusted.format == "monai"
    (tmp_path / "configs" / "inference.json").write_text(json.dumps(network | {"made": "again"}))
    assert open_model(str(tmp_path), data, CPU, None, trust=True).sha256 != trusted.sha256
    assert torch.allclose(trusted.run(IMAGES).softmax(1), truth_of_bright(IMAGES), atol=1e-6)
    torch.jit.trace(Bright(), IMAGES).save(str(tmp_path / "models" / "model.ts"))
    opened = open_model(str(tmp_path), data, CPU, None, trust=False)
    assert (opened.format, opened.stated.input_size) == ("torchscript", (SIDE, SIDE))
    assert torch.allclose(opened.run(IMAGES).softmax(1), truth_of_bright(IMAGES), atol=1e-6)


def test_a_network_of_timm_keeps_its_own_head(tmp_path):
    import timm
    from timm.models import save_for_hf

    network = timm.create_model("test_resnet", num_classes=2).eval()
    config = {"label_names": ["sick", "healthy"]}
    save_for_hf(network, tmp_path / "net", model_config=config, safe_serialization=True)
    data = Dataset.__new__(Dataset)
    object.__setattr__(data, "classes", ("healthy", "sick"))
    opened = open_model(f"local-dir:{tmp_path / 'net'}", data, CPU, None, trust=False)
    interface = settle(Interface(), opened.stated, (SIDE, SIDE), 1, ("healthy", "sick"))
    assert (interface.input_channels, interface.outputs) == (3, "logits")
    assert interface.mean == network.pretrained_cfg["mean"]
    images = torch.rand(2, 3, 160, 160)
    assert torch.allclose(opened.run(images), network(images), atol=1e-5)


def with_weights_beside(path, name):
    """Move the weights of an ONNX file into another one."""
    import onnx

    model = onnx.load(str(path))
    weights = next(each for each in model.graph.initializer if each.name == "weights")
    (path.parent / name).write_bytes(weights.raw_data)
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=name)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("name", ["weights", f"{'long-' * 40}name"])
def test_the_hash_of_an_onnx_file_is_that_of_the_weights_beside_it_too(tmp_path, name):
    path = with_weights_beside(onnx_bright(tmp_path / "m.onnx"), name)
    before = open_onnx(path, CPU, 2)
    assert torch.allclose(torch.as_tensor(before.run(IMAGES)).softmax(1), truth_of_bright(IMAGES), atol=1e-5)
    (tmp_path / name).write_bytes(np.float32([0, 10]).tobytes())
    after = open_onnx(path, CPU, 2)
    assert before.sha256 != after.sha256
    (tmp_path / "other").write_bytes(b"other")
    assert open_onnx(path, CPU, 2).sha256 == after.sha256


def test_weights_beside_an_onnx_file_are_not_read_from_elsewhere(tmp_path):
    (tmp_path / "inside").mkdir()
    path = with_weights_beside(onnx_bright(tmp_path / "inside" / "m.onnx"), "../secret")
    with pytest.raises(MedshiftError, match="the files of its weights belong beside it"):
        open_onnx(path, CPU, 2)
