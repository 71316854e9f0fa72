"""Wrong files of models, each refused in one line that says what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from helpers.files.model_files import Bomb, Bright, exported, onnx_bright, saved
from helpers.images.image_folders import folder

from medshift.benchmark import DataChoice
from medshift.benchmark.datasets.importing.options import make_options
from medshift.benchmark.exchange.models.brought import Statement, bring
from medshift.benchmark.exchange.models.opening import require_model
from medshift.benchmark.exchange.models.options import from_options
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.runs.terms import resolve_terms
from medshift.shifts.errors import MedshiftError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    images = folder(tmp_path_factory.mktemp("data") / "set", {"site-a": 48, "site-b": 8})
    return resolve_terms(DataChoice("", images, make_options()), Choices(shifts=("gamma",), severities=(1,)))


def try_model(study, path, rejections=False, trust=False, sees="source", **options):
    require_model(str(path))
    return bring(str(path), Statement(from_options(**options), sees, rejections, trust), *study, CPU)


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def segments(images: torch.Tensor) -> torch.Tensor:
    return torch.cat([images, 1 - images], 1)


class Segments(torch.nn.Module):
    def forward(self, images):
        return segments(images)


class Batchwise(torch.nn.Module):
    """Normalises by the batch, as a network does that is not switched to evaluation."""

    def forward(self, images):
        level = images.mean((1, 2, 3))
        level = (level - level.mean()) / (level.std(correction=0) + 1e-6)
        return torch.stack((-level, level), 1)


class Running(torch.nn.Module):
    """Keeps a mean of what it has seen."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, images):
        level = images.mean((1, 2, 3))
        made = 9 * (level - self.seen)
        self.seen.mul_(0.8).add_(0.2 * level.mean())
        return torch.stack((-made, made), 1)


class Percent(Bright):
    def forward(self, images):
        return 100 * super().forward(images).softmax(1)


class Sorted(torch.nn.Module):
    """Returns the rows in an order of its own."""

    def forward(self, images):
        level = 200 * (images.mean((1, 2, 3)).sort().values - 0.36)
        return torch.stack((-level, level), 1)


WRONG = {
    "no such file": (lambda d: d / "none.onnx", {}, "no such file"),
    "an opset of the future": (
        lambda d: onnx_bright(d / "m.onnx", opset=99),
        {},
        r"onnxruntime [\d.]+ cannot load it: export it again with a lower opset",
    ),
    "a cut ONNX file": (lambda d: cut(onnx_bright(d / "m.onnx")), {}, "cannot load it: is the file complete"),
    "a cut file of torch.export": (lambda d: cut(exported(d / "m.pt2", Bright())), {}, "is the file complete"),
    "text": (
        lambda d: write(d / "m.pt", b"weights"),
        {},
        r"not a model that can be read \(is the file complete\?\): give",
    ),
    "four channels": (
        lambda d: onnx_bright(d / "m.onnx", shape=("n", 4, 32, 32)),
        {},
        "takes 4 channels and the images have 1: only grey is made colour",
    ),
    "another input size than said": (
        lambda d: onnx_bright(d / "m.onnx", shape=("n", 1, 64, 64)),
        {"input_size": "96"},
        "--input-size 96 x 96: the model itself says 64 x 64: leave the option out",
    ),
    "a vector as input": (
        lambda d: onnx_bright(d / "m.onnx", shape=("n", 1024)),
        {},
        "takes n x 1024, not batches of images",
    ),
    "volumes": (
        lambda d: onnx_bright(d / "m.onnx", shape=("n", 1, 32, 32, 32)),
        {},
        r"takes 3 spatial axes \(32 x 32 x 32\), and the images have 2 \(32 x 32\)",
    ),
    "whole numbers of 64 bits": (
        lambda d: onnx_bright(d / "m.onnx", dtype="INT64"),
        {},
        r"takes tensor\(int64\), not images: export it with an input of float32 or uint8",
    ),
    "two inputs": (lambda d: onnx_bright(d / "m.onnx", inputs=2), {}, r"has 2 inputs \(image, mask\): export it with"),
    "five classes": (
        lambda d: onnx_bright(d / "m.onnx", weights=(1, 2, 3, 4, 5)),
        {},
        r"gives 5 numbers per image, and the data have 2 classes \(healthy, sick\)",
    ),
    "NaN": (
        lambda d: onnx_bright(d / "m.onnx", last="Sqrt", middle=2),
        {},
        r"NaN or infinite values for \d+ of \d+ images .*--range 0,255.*give --rejections",
    ),
    "all refused": (
        lambda d: onnx_bright(d / "m.onnx", last="Sqrt", middle=2, weights=(1, 1)),
        {"rejections": True},
        r"refuses all of \d+ images",
    ),
    "constant": (
        lambda d: onnx_bright(d / "m.onnx", weights=(0, 0)),
        {},
        r"gives the same outputs \(0, 0\) for all of \d+ different images: a wrong range of values, most often",
    ),
    "swapped classes": (
        lambda d: exported(d / "m.pt2", Bright(swapped=True)),
        {},
        r"AUROC on source validation is \.\d+: are the columns swapped.*--class-order sick,healthy, or confirm",
    ),
    "classes of other data": (
        lambda d: onnx_bright(d / "m.onnx", metadata={"classes": '["benign", "malignant"]'}),
        {},
        "names its classes benign, malignant, and the data healthy, sick: give the data's names .* --class-order",
    ),
    "logits that are said to be probabilities": (
        lambda d: onnx_bright(d / "m.onnx"),
        {"outputs": "probabilities"},
        "gives values from .* to .*, not probabilities that sum to 1: --outputs logits",
    ),
    "probabilities that are said to be logits": (
        lambda d: exported(d / "m.pt2", torch.nn.Sequential(Bright(), torch.nn.Softmax(1))),
        {"outputs": "logits"},
        "that sum to 1, which are probabilities, .*: leave --outputs logits out",
    ),
    "percent": (
        lambda d: exported(d / "m.pt2", Percent()),
        {},
        "gives values from .* to .* that sum to 100 in every row, which look like probabilities on another scale",
    ),
    "percent that are said to be logits": (
        lambda d: exported(d / "m.pt2", Percent()),
        {"outputs": "logits"},
        "that sum to 100 in every row, which look like probabilities on another scale, such as percent: export it",
    ),
    "probabilities that hardly differ": (
        lambda d: onnx_bright(d / "m.onnx", weights=(0, 1e-4)),
        {},
        r"gives the same probabilities \(0\.5, 0\.5\) for all of \d+ different images: a wrong range of values, most",
    ),
    "the mean of another range": (
        lambda d: onnx_bright(d / "m.onnx"),
        {"mean": "123.675", "std": "58.395"},
        r"mean 123\.675 lies outside the values of black and white, 0,1: which values is it of\? --range 0,255 if",
    ),
    "whole numbers that are normalised": (
        lambda d: onnx_bright(d / "m.onnx", dtype="UINT8"),
        {"std": "0.229"},
        "takes whole numbers from 0 to 255, which std 0.229 would make others: leave --range, --mean and --std out",
    ),
    "whole numbers of another range": (
        lambda d: onnx_bright(d / "m.onnx", dtype="UINT8"),
        {"value_range": "0,1"},
        "takes whole numbers from 0 to 255, which range 0,1 would make others",
    ),
    "one logit of which nothing is said": (
        lambda d: onnx_bright(d / "m.onnx", weights=(20,)),
        {},
        "gives one number per image, values from .* --outputs logits takes its sigmoid",
    ),
    "a segmentation": (
        lambda d: exported(d / "m.pt2", Segments()),
        {},
        r"returned \d+ x 2 x 32 x 32 for \d+ images, not one row of numbers per image",
    ),
    "weights without a network": (
        lambda d: write(d / "m.pt", saved(Bright().state_dict())),
        {},
        r"holds weights \(OrderedDict\), and no network that uses them",
    ),
    "not a bundle": (lambda d: d, {}, "is a folder without configs/metadata.json"),
    "a name that nobody has": (lambda d: "resnet1800", {}, "no such file, and not a name that timm has: give a file"),
    "a head of ImageNet": (
        lambda d: "resnet10t",
        {},
        "has a head of 1,000 classes, and the data 2: .*medshift run --baseline imagenet-finetune --set arch=resnet10t",
    ),
    "a module that nobody has": (lambda d: "no_such_module:predict", {}, "module 'no_such_module' is neither in"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_model_is_one_clear_line(study, tmp_path, case):
    make, options, says = WRONG[case]
    path = make(tmp_path)
    with pytest.raises(MedshiftError, match=says) as caught:
        try_model(study, path, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("network", [Batchwise(), Running(), Sorted()])
def test_predictions_that_depend_on_the_batch_need_its_access(study, tmp_path, network):
    path = tmp_path / "m.ts"
    torch.jit.script(network).save(path)
    order = {"class_order": study[0].classes}
    with pytest.raises(MedshiftError, match=r"an image differently with others in the batch.*--sees test-batches"):
        try_model(study, path, **order)
    made, _ = try_model(study, path, sees="test-batches", **order)
    if isinstance(network, Running):
        assert made.model.prepared.run.seen == 0  # a copy was tried


def test_a_pickle_runs_only_if_it_is_trusted(study, tmp_path):
    path = write(tmp_path / "m.pt", saved(Bomb(tmp_path / "exploded")))
    with pytest.raises(MedshiftError, match=r"holds pickled Python, .*: give --trust if you know who made it"):
        try_model(study, path)
    assert not (tmp_path / "exploded").exists()
    with pytest.raises(MedshiftError, match=r"holds weights \(NoneType\), and no network"):
        try_model(study, path, trust=True)
    assert (tmp_path / "exploded").exists()
    whole = write(tmp_path / "whole.pt", saved(Bright()))
    with pytest.raises(MedshiftError, match="give --trust"):
        try_model(study, whole)
    made, _ = try_model(study, whole, trust=True)
    assert made.format == "pickle"


def test_a_missing_extra_is_one_line_before_the_data_are_read(tmp_path, monkeypatch):
    path = onnx_bright(tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("medshift.benchmark.exchange.models.opening.find_spec", lambda name: None)
    with pytest.raises(MedshiftError, match=r"ONNX files need onnxruntime: pip install 'medshift\[onnx\]'"):
        require_model(str(path))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"input_size": "0"}, "--input-size 0: use whole numbers from 1 to 16384"),
        ({"input_size": "big"}, "--input-size big: use a side in pixels"),
        ({"value_range": "0"}, "--range 0: use two different numbers"),
        ({"mean": "a,b"}, "--mean a,b: use one number, or one per channel"),
        ({"std": "0"}, "--std 0: use numbers above 0"),
        ({"layout": "CHWN"}, "--layout CHWN: choose one of NCHW, NHWC"),
        ({"outputs": "softmax"}, "--outputs softmax: choose one of logits, probabilities, score"),
    ],
)
def test_a_wrong_option_is_one_clear_line(options, says):
    with pytest.raises(MedshiftError, match=says):
        from_options(**options)


def test_classes_may_be_given_by_their_numbers(study, tmp_path):
    made, _ = try_model(study, exported(tmp_path / "m.pt2", Bright(swapped=True)), class_order=("1", "0"))
    assert made.class_order == "sick,healthy"


def test_class_orders_that_are_not_the_datas_are_refused(study, tmp_path):
    path = onnx_bright(tmp_path / "m.onnx")
    with pytest.raises(
        MedshiftError,
        match="--class-order sick, dead: name each of the data's classes once: healthy, sick; or give their numbers",
    ):
        try_model(study, path, class_order=("sick", "dead"))
