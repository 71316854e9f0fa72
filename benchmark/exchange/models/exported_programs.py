"""Files of `torch.export` (.pt2), loaded without running pickles or names that are not operators.

`torch.export.load` is not safe by itself: it unpickles example inputs and constants, looks operators up by any name
below `torch`, and writes Python of the expressions of sizes and of names; where it cannot read an archive, it tries an
older format with another reader. All of it is looked through first, with torch's own reader of archives, and then
loaded by that reader only, so that what was looked at is what is loaded.
"""

from __future__ import annotations

import io
import json
import logging
import pickle
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ....shifts.errors import MedshiftError, in_one_line
from ...files.atomic import sha256
from .interface import Interface, Layout
from .opened import Opened
from .shapes import with_shape
from .torch_files import EXTRA, TRUST, stated_by

OPERATORS = re.compile(
    r"torch\.ops\.(aten|prims?|quantized|quantized_decomposed|torchvision)\.[A-Za-z]\w*\.\w+"
    r"|(_operator|math)\.[a-z]\w*|torch\.sym_[a-z]\w*|torch\._sym_[a-z]+|torch\.ops\.higher_order\.(cond|wrap_with_(set_grad_enabled|autocast))"
    r"|torch\._assert_tensor_metadata|torch\.ops\.aten\._assert_tensor_metadata\.default"
)
FORBIDDEN = re.compile(r"(from_file|_save|load_library|attrgetter|methodcaller|call)\b")
EXPRESSION = re.compile(r"[\w\s+\-*/%(),.<>=!&|~']*")
WORDS = re.compile(
    r"[suz]\w?\d+|Symbol|Integer|Float|Rational|Add|Mul|Pow|Max|Min|Mod|Eq|Ne|Lt|Le|Gt|Ge|And|Or|Not|floor|ceiling|Abs"
    r"|FloorDiv|PythonMod|CleanDiv|CeilDiv|CeilToInt|FloorToInt|ModularIndexing|Where|TrunctToInt|TruncToInt|IntTrueDiv"
    r"|positive|negative|nonnegative|integer|real|finite|True|False|oo|int_oo|e\d*"
)
NAME = re.compile(r"[\w.]*")
PART = re.compile(r"\w+")  # a file of weights or constants; a path would be looked for elsewhere in the archive
SPEC = re.compile(r'[\w\s\[\]{}":.,\\-]*')  # how inputs and outputs are nested: JSON
NESTED = {"builtins.tuple", "builtins.list", "builtins.dict"}
FOREIGN = (
    "{path} has {text} where an operator, a name or a size belongs, and torch may run it as Python: give --trust if "
    "you know who made it"
)
UNSAFE = ("custom_obj_", "opaque_obj_")  # constants that torch unpickles
COMPILED = "data/aotinductor/"
PROGRAMS = "models/"


def open_exported(path: Path, device: torch.device, layout: Layout | None = None, *, trust: bool) -> Opened:
    """Open a file of `torch.export.save`.

    Raises:
        MedshiftError: It holds code and is not trusted, or torch cannot load it, or it does not take images.
    """
    if not trust:
        _require_harmless(path)
    try:
        with _quiet():
            program, extra = _loaded(path, trust=trust)
            network = _moved(program, device).module()
    except Exception as error:  # damaged files raise any error
        raise MedshiftError(
            f"{path}: torch {torch.__version__} cannot load it: {in_one_line(error)[:200]}: is the file complete, "
            "and of a version that this torch reads?"
        ) from error
    stated = _with_input(path, program, stated_by(extra.get(EXTRA, ""), path.name), layout)
    return Opened(network, "torch.export", path.name, sha256(path), stated)


def _loaded(path: Path, *, trust: bool) -> tuple[Any, Mapping[str, Any]]:
    """Load the program and the files beside it; files that are not trusted in the format that was looked through."""
    if trust:
        extra: dict[str, Any] = {EXTRA: ""}
        return torch.export.load(path, extra_files=extra), extra
    from torch.export.pt2_archive._package import load_pt2

    found = load_pt2(str(path))
    return found.exported_programs["model"], found.extra_files


def _moved(program: Any, device: torch.device) -> Any:  # noqa: ANN401
    if device.type == "cpu":
        return program
    from torch.export.passes import move_to_device_pass

    return move_to_device_pass(program, device)


def _with_input(path: Path, program: Any, stated: Interface, layout: Layout | None) -> Interface:  # noqa: ANN401
    """Add what the program's input says.

    Raises:
        MedshiftError: The program does not take one batch of images.
    """
    names = program.graph_signature.user_inputs
    values = [node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(values) != 1 or not isinstance(values[0], torch.Tensor):
        raise MedshiftError(f"{path} takes {len(names)} inputs: export it with the image as its only one")
    (value,) = values
    if value.dtype not in (torch.float32, torch.uint8):
        raise MedshiftError(f"{path} takes {value.dtype}, not images: export it with an input of float32 or uint8")
    stated = replace(stated, whole=True if value.dtype == torch.uint8 else None)
    return with_shape(str(path), stated, list(value.shape), layout)


def _require_harmless(path: Path) -> None:
    """Raise MedshiftError if loading the file would run anything but torch's operators."""
    refusal = TRUST.format(path=path)
    try:
        from torch.export.pt2_archive._package import PT2ArchiveReader
    except ImportError:
        raise MedshiftError(
            f"torch {torch.__version__} reads .pt2 files by pickle: update torch, or give --trust"
        ) from None
    try:
        with PT2ArchiveReader(str(path)) as archive:
            names = archive.get_file_names()
            if any(name.startswith(COMPILED) for name in names):
                raise MedshiftError(f"{path} holds compiled code: save the program with torch.export.save instead")
            for name in names:
                program = name.startswith(PROGRAMS)  # whatever its ending
                content = archive.read_bytes(name) if program or name.endswith((".json", ".pt")) else b""
                if program or name.endswith(".json"):
                    parsed = json.loads(content)
                    pickled = list(_pickled(parsed)) if name.startswith("data/") else []
                    if any(part.startswith(UNSAFE) or not PART.fullmatch(part) for part in pickled):
                        raise MedshiftError(refusal)
                    folder = name.rpartition("/")[0]
                    if not all(_only_tensors(archive.read_bytes(f"{folder}/{part}")) for part in pickled):
                        raise MedshiftError(refusal)
                    bad = next(_unknown(parsed), "") if program else ""
                    if bad:
                        raise MedshiftError(FOREIGN.format(path=path, text=repr(bad[:80])))
                elif content and not _only_tensors(content):
                    raise MedshiftError(refusal)
    except MedshiftError:
        raise
    except Exception as error:
        raise MedshiftError(
            f"{path} cannot be read as a file of torch.export: {in_one_line(error)[:200]}: is it complete, and of "
            "torch 2.8 or later?"
        ) from error


def _pickled(config: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield the names of the parts that torch would unpickle."""
    for part in config.get("config", {}).values():
        name = str(part.get("path_name", ""))
        if part.get("use_pickle") or name.startswith(UNSAFE):
            yield name


def _only_tensors(content: bytes) -> bool:
    """Whether a pickle holds nothing but tensors and plain values."""
    try:
        torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError):
        return False
    return True


def _unknown(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield what is to be an operator, an expression or a name, and may be anything else."""
    waiting: list[Any] = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for key, inner in item.items():
                texts = [inner] if isinstance(inner, str) else inner if key == "forward_arg_names" and inner else []
                if key in ALLOWED:
                    yield from (str(text) for text in texts if not ALLOWED[key](str(text)))
                if not texts:
                    waiting.append(inner)
        elif isinstance(item, Sequence) and not isinstance(item, str):
            waiting += item


def _operator(name: str) -> bool:
    return bool(OPERATORS.fullmatch(name)) and "__" not in name and not FORBIDDEN.search(name)


def _expression(text: str) -> bool:
    words = re.findall(r"[^\W\d]\w*", text)
    return (
        bool(EXPRESSION.fullmatch(text)) and all(map(WORDS.fullmatch, words)) and not re.search(r"\.\s*[^\W\d]", text)
    )


def _name(text: str) -> bool:
    return bool(NAME.fullmatch(text))


def _nesting(text: str) -> bool:
    types = set(re.findall(r'"type":\s*"([^"]*)"', text))
    return bool(SPEC.fullmatch(text)) and types <= NESTED


#: Key in a program -> what its text must be. torch writes Python of names and expressions, and calls operators.
ALLOWED: Mapping[str, Callable[[str], bool]] = {
    "target": _operator,
    "as_operator": _operator,
    "expr_str": _expression,
    "name": _name,
    "as_name": _name,
    "forward_arg_names": _name,
    "in_spec": _nesting,
    "out_spec": _nesting,
}


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from logging tracebacks of what is told in one line."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
