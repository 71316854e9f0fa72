"""Files of torch.export that would run code: torch's own loader unpickles and evaluates; medshift looks first."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from pathlib import Path

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


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("program") / "m.pt2", Bright())


@pytest.fixture
def program(original, tmp_path):
    """A program that a test may change."""
    return Path(shutil.copy(original, tmp_path))


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


def other_case(parts, bomb):
    """Example inputs that torch's reader finds all the same, as it looks files up whatever their case."""
    parts["data/sample_inputs/model.PT"] = parts.pop(INPUTS) and bomb


def twice(parts, bomb):
    parts["data/sample_inputs/MODEL.pt"] = bomb


def named_as_pythons(parts, bomb):
    config = json.loads(parts[WEIGHTS])
    config["config"]["forward.__func__.__globals__.torch"] = next(iter(config["config"].values()))
    parts[WEIGHTS] = json.dumps(config).encode()


def replaced(name):
    return lambda parts, bomb: with_program(parts, OPERATOR, name)


HOSTILE = {
    "example inputs": (lambda parts, bomb: parts.update({INPUTS: bomb}), "pickled Python"),
    "a constant": (opaque, "pickled Python"),
    "a weight": (pickled_weight, "pickled Python"),
    "example inputs under another case": (other_case, "pickled Python"),
    "example inputs twice": (twice, "holds files of the same name"),
    "a weight with a name of Python's own": (named_as_pythons, r"has 'forward\.__func__\.__globals__\.torch' where"),
    "a weight that lies elsewhere": (elsewhere, "pickled Python"),
    "a program of another ending": (renamed, r"has 'torch\.os\.system' where an operator"),
    "a function of torch that is no operator": (
        replaced("torch.os.system"),
        r"has 'torch\.os\.system' where an operator",
    ),
    "the loader of libraries": (replaced("torch.ops.load_library"), r"has 'torch\.ops\.load_library'"),
    "an operator that opens files": (replaced("torch.ops.aten.from_file.default"), "has 'torch.ops.aten.from_file"),
    "an operator that writes files": (replaced("torch.ops.aten.save.default"), r"has 'torch\.ops\.aten\.save"),
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


class Moded(Bright):
    """Takes a constant beside its images."""

    def forward(self, images, mode):
        return super().forward(images)


def with_constant(path, constant):
    shapes = ({0: torch.export.Dim("n", min=1, max=64)}, None)
    made = torch.export.export(Moded().eval(), (torch.rand(3, 1, 32, 32), constant), dynamic_shapes=shapes)
    torch.export.save(made, path)
    return path


def guard(code):
    """Text that ends the check of a constant, and goes on with code."""
    return f"' #\n, '')\n{code}\ndef f():\n  pass\n#"


@pytest.mark.parametrize(("key", "constant"), [("as_string", "plain"), ("as_bool", True), ("as_int", 7777)])
def test_a_constant_beside_the_images_is_refused_and_not_run(tmp_path, key, constant):
    mark = tmp_path / "exploded"
    text = guard(f"open({str(mark)!r}, 'w').close()")
    path = with_constant(tmp_path / "m.pt2", constant)
    whole = f'"{key}": {json.dumps(constant)}'
    edited(path, lambda parts: with_program(parts, whole, f'"{key}": {json.dumps(text)}'))
    with pytest.raises(MedshiftError, match=r"where an operator, a name or a size belongs|inputs that are not images"):
        open_exported(path, CPU, trust=False)
    assert not mark.exists()


@pytest.mark.parametrize("trust", [False, True])
def test_a_program_with_a_harmless_constant_is_one_line(tmp_path, trust):
    path = with_constant(tmp_path / "m.pt2", 3)
    with pytest.raises(MedshiftError, match=r"takes .* ?inputs.*: export it with the image as its only one"):
        open_exported(path, CPU, trust=trust)


def changed(parts, change):
    """Change the program as JSON."""
    made = json.loads(parts["models/model.json"])
    change(made)
    parts["models/model.json"] = json.dumps(made).encode()


def test_checks_that_the_file_brings_are_left_out(program, tmp_path):
    mark = tmp_path / "exploded"
    code = f"open({str(mark)!r}, 'w')"
    edited(program, lambda parts: changed(parts, lambda made: made.update(guards_code=[code])))
    images = torch.rand(3, 1, 32, 32)
    assert torch.allclose(open_exported(program, CPU, trust=False).run(images), Bright()(images))
    assert not mark.exists()
    open_exported(program, CPU, trust=True).run(images)
    assert mark.exists()
    with pytest.raises(RuntimeError, match="shape"):  # sizes are checked all the same
        open_exported(program, CPU, trust=False).run(images[:, :, :16])


def test_a_weight_whose_name_ends_the_text_that_torch_writes_is_refused(program, tmp_path):
    mark = tmp_path / "exploded"
    code = ",".join(str(byte) for byte in f"open({str(mark)!r}, 'w')".encode())
    evil = f'training"), exec(bytes([{code}])), ("'

    def change(parts):
        with_program(parts, '"parameter_name": "gain"', f'"parameter_name": {json.dumps(evil)}')
        parts[WEIGHTS] = parts[WEIGHTS].replace(b'"gain"', json.dumps(evil).encode())

    edited(program, change)
    with pytest.raises(MedshiftError, match="where an operator, a name or a size belongs"):
        open_exported(program, CPU, trust=False)
    with pytest.raises(RuntimeError):  # the gain is a tuple
        open_exported(program, CPU, trust=True).run(torch.rand(3, 1, 32, 32))
    assert mark.exists()


def nested(context, type_="builtins.dict"):
    """Inputs that are given by name, as JSON that holds JSON."""
    leaf = {"type": None, "context": None, "children_spec": []}
    none = {"type": "builtins.tuple", "context": "null", "children_spec": []}
    by_name = {"type": type_, "context": context, "children_spec": [leaf]}
    return json.dumps([1, {"type": "builtins.tuple", "context": "null", "children_spec": [none, by_name]}])


IMPORTED = json.dumps([{"__enum__": True, "fqn": "module_that_explodes:A", "name": "a"}])
NESTED = {
    "a module that torch would import": nested(IMPORTED),
    "a module by the default of a dictionary": nested(
        '{"default_factory_module": "module_that_explodes", "default_factory_name": "A", "dict_context": []}',
        "collections.defaultdict",
    ).replace("collections", "\\u0063ollections"),
    "a name that is hidden from a look at the text": nested('["x\\u003dprint\\u00281\\u0029"]'),
}


@pytest.mark.parametrize("case", NESTED)
def test_a_description_of_inputs_that_names_code_is_refused(program, tmp_path, monkeypatch, case):
    (tmp_path / "module_that_explodes.py").write_text(f"open({str(tmp_path / 'exploded')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)

    def change(made):
        signature = made["graph_module"]["module_call_graph"][0]["signature"]
        signature.update(in_spec=NESTED[case], forward_arg_names=[])

    edited(program, lambda parts: changed(parts, change))
    with pytest.raises(MedshiftError, match="where an operator, a name or a size belongs"):
        open_exported(program, CPU, trust=False)
    assert not (tmp_path / "exploded").exists()


class Odd(torch.nn.Module):
    """Names and arguments that are unusual, and harmless."""

    def __init__(self):
        super().__init__()
        self.parts = torch.nn.ModuleDict({"a-b": torch.nn.Conv2d(1, 2, 3), "norm": torch.nn.BatchNorm2d(2)})
        self.__gain = torch.nn.Parameter(torch.ones(1))

    def forward(self, images):
        made = self.parts["norm"](self.parts["a-b"](images)).clamp(-float("inf"), 9)
        return {"class probabilities": torch.einsum("nchw->nc", made) * self.__gain}


def test_unusual_names_and_arguments_need_no_trust(tmp_path):
    network, images = Odd().eval(), torch.rand(3, 1, 32, 32)
    opened = open_exported(exported(tmp_path / "m.pt2", network), CPU, trust=False)
    made, expected = opened.run(images)["class probabilities"], network(images)["class probabilities"]
    assert torch.allclose(made, expected, atol=1e-5)


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
