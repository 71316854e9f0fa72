"""Files of torch.export that would run code: torch's own loader unpickles and evaluates; medshift looks first."""

from __future__ import annotations

import json
import re
import zipfile

import pytest
import torch
from helpers.files.model_files import Bomb, Bright, edited, exported, saved, truth_of_bright, two_archives, with_program
from torch._export.serde.schema import SCHEMA_VERSION

from medshift.benchmark.exchange.models.exported_programs import open_exported
from medshift.shifts.errors import MedshiftError

CPU = torch.device("cpu")
INPUTS = "data/sample_inputs/model.pt"
CONSTANTS = "data/constants/model_constants_config.json"
WEIGHTS = "data/weights/model_weights_config.json"
OPERATOR = "torch.ops.aten.amax.default"


@pytest.fixture
def program(tmp_path):
    return exported(tmp_path / "m.pt2", Bright())


def opaque(parts, bomb):
    parts[CONSTANTS] = json.dumps({"config": {"c": {"path_name": "opaque_obj_0", "is_param": False}}}).encode()
    parts["data/constants/opaque_obj_0"] = bomb


def pickled_weight(parts, bomb):
    config = json.loads(parts[WEIGHTS])
    first = next(iter(config["config"].values()))
    first["use_pickle"] = True
    parts[WEIGHTS] = json.dumps(config).encode()
    parts[f"data/weights/{first['path_name']}"] = bomb


def elsewhere(parts, bomb):
    """A pickled weight whose path torch looks for at the top, and a harmless one where the path seems to lead."""
    pickled_weight(parts, saved(torch.zeros(2)))
    config = json.loads(parts[WEIGHTS])
    first = next(iter(config["config"].values()))
    harmless = parts[f"data/weights/{first['path_name']}"]
    first["path_name"] = "/evil"
    parts.update({WEIGHTS: json.dumps(config).encode(), "data/weights//evil": harmless, "/evil": bomb})


def renamed(parts, bomb):
    """A program that torch reads under any ending of five characters."""
    with_program(parts, OPERATOR, "torch.os.system")
    parts["models/model.evil"] = parts.pop("models/model.json")


def expression(parts, text):
    found = re.search(r'"expr_str": "([^"]*)"', parts["models/model.json"].decode())
    with_program(parts, found[0], f'"expr_str": {json.dumps(text)}')


def replaced(name):
    return lambda parts, bomb: with_program(parts, OPERATOR, name)


HOSTILE = {
    "example inputs": (lambda parts, bomb: parts.update({INPUTS: bomb}), "pickled Python"),
    "a constant": (opaque, "pickled Python"),
    "a weight": (pickled_weight, "pickled Python"),
    "a weight that lies elsewhere": (elsewhere, "pickled Python"),
    "a program of another ending": (renamed, r"has 'torch\.os\.system' where an operator"),
    "a function of torch that is no operator": (
        replaced("torch.os.system"),
        r"has 'torch\.os\.system' where an operator",
    ),
    "the loader of libraries": (replaced("torch.ops.load_library"), r"has 'torch\.ops\.load_library'"),
    "an operator that opens files": (replaced("torch.ops.aten.from_file.default"), "has 'torch.ops.aten.from_file"),
    "attributes of Python": (replaced("_operator.attrgetter"), "has '_operator.attrgetter'"),
    "an expression": (lambda parts, bomb: expression(parts, "exec('x')"), r"has \"exec\('x'\)\""),
    "an expression with attributes": (
        lambda parts, bomb: expression(parts, "Symbol('s1').func"),
        r"""has "Symbol\('s1'\)\.func""",
    ),
    "a name with code in it": (
        lambda parts, bomb: with_program(parts, '"name": "images"', '"name": "images=print(1)"'),
        r"has 'images=print\(1\)' where an operator, a name",
    ),
    "an argument with code in it": (
        lambda parts, bomb: with_program(
            parts, '"forward_arg_names": ["images"]', '"forward_arg_names": ["x=print(1)"]'
        ),
        r"has 'x=print\(1\)'",
    ),
    "inputs of another type": (
        lambda parts, bomb: with_program(parts, "builtins.dict", "collections.defaultdict"),
        r"where an operator, a name or a size belongs.*give --trust",
    ),
    "compiled code": (lambda parts, bomb: parts.update({"data/aotinductor/model/x.so": b"x"}), "holds compiled code"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_program_that_would_run_code_is_refused_and_runs_none(program, tmp_path, case):
    change, says = HOSTILE[case]
    bomb = saved(Bomb(tmp_path / "exploded"))
    path = edited(program, lambda parts: change(parts, bomb))
    with pytest.raises(MedshiftError, match=says) as caught:
        open_exported(path, CPU, trust=False)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "exploded").exists()


def test_torch_itself_would_have_run_it(program, tmp_path):
    path = edited(program, lambda parts: parts.update({INPUTS: saved((Bomb(tmp_path / "exploded"),))}))
    with pytest.raises(MedshiftError):
        open_exported(path, CPU, trust=True)
    assert (tmp_path / "exploded").exists()


def test_an_archive_that_another_reader_takes_for_another_one_is_not_read_by_that(program, tmp_path):
    bomb = saved(Bomb(tmp_path / "exploded"))
    older = {f"serialized_{name}.pt": bomb for name in ("state_dict", "constants", "example_inputs")}
    with zipfile.ZipFile(program) as archive:
        older["serialized_exported_program.json"] = archive.read(f"{program.stem}/models/model.json")
    older["version"] = ".".join(map(str, SCHEMA_VERSION)).encode()
    native = {"m/archive_format": b"pt2", "m/archive_version": b"0", "m/version": b"3"}
    path = two_archives(tmp_path / "two.pt2", native, older)
    with pytest.raises(MedshiftError, match="cannot load it"):
        open_exported(path, CPU, trust=False)
    assert not (tmp_path / "exploded").exists()
    with pytest.raises(MedshiftError):
        open_exported(path, CPU, trust=True)
    assert (tmp_path / "exploded").exists()


def test_a_program_that_is_written_again_unchanged_predicts_as_before(program):
    images = torch.rand(5, 1, 32, 32)
    opened = open_exported(edited(program, lambda parts: None), CPU, trust=False)
    assert torch.allclose(opened.run(images).softmax(1), truth_of_bright(images), atol=1e-6)
    assert (opened.stated.input_size, opened.stated.input_channels, opened.stated.batch) == ((32, 32), 1, None)
