"""Look through the archive of a program before torch loads it.

`torch.export.load` is not safe by itself: it unpickles example inputs and constants, looks operators up by any name
below `torch`, and writes Python of the expressions of sizes and of names.
"""

from __future__ import annotations

import io
import json
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from .....shifts.errors import MedshiftError, in_one_line
from ..torch_files import TRUST
from .text import foreign, is_plain

PART = re.compile(r"\w+")  # a file of weights or constants; a path would be looked for elsewhere in the archive
FOREIGN = (
    "{path} has {text} where an operator, a name or a size belongs, and torch may run it as Python: give --trust if "
    "you know who made it"
)
UNSAFE = ("custom_obj_", "opaque_obj_")  # constants that torch unpickles
COMPILED = "data/aotinductor/"
PROGRAMS = "models/"
LIFTED = {"parameter", "buffer", "tensor_constant"}  # inputs that the file itself holds


def require_harmless(path: Path) -> None:
    """Look through a file of torch.export.

    Raises:
        MedshiftError: Loading it would run anything but torch's operators, or it cannot be read, or takes other inputs
            than tensors.
    """
    try:
        from torch.export.pt2_archive._package import PT2ArchiveReader
    except ImportError:
        raise MedshiftError(
            f"torch {torch.__version__} reads .pt2 files by pickle: update torch, or give --trust"
        ) from None
    try:
        with PT2ArchiveReader(str(path)) as archive:
            names = archive.get_file_names()
            # torch looks files up whatever their case: of two, another one may be loaded than was looked at
            if len({name.lower() for name in names}) < len(names):
                raise MedshiftError(f"{path} holds files of the same name: save the program again")
            for name in names:
                _require_harmless_file(path, archive, name)
    except MedshiftError:
        raise
    except Exception as error:
        raise MedshiftError(
            f"{path} cannot be read as a file of torch.export: {in_one_line(error)[:200]}: is it complete, and of "
            "torch 2.8 or later?"
        ) from error


def _require_harmless_file(path: Path, archive: Any, name: str) -> None:  # noqa: ANN401
    """Raise MedshiftError if a file of the archive may hold code."""
    plain = name.lower()
    if plain.startswith(COMPILED):
        raise MedshiftError(f"{path} holds compiled code: save the program with torch.export.save instead")
    refusal = TRUST.format(path=path)
    program = plain.startswith(PROGRAMS)  # whatever its ending
    if program or plain.endswith(".json"):
        parsed = json.loads(archive.read_bytes(name).decode())
        pickled = list(_pickled(parsed)) if plain.startswith("data/") else []
        if any(part.startswith(UNSAFE) or not PART.fullmatch(part) for part in pickled):
            raise MedshiftError(refusal)
        folder = name.rpartition("/")[0]
        if not all(_only_tensors(archive.read_bytes(f"{folder}/{part}")) for part in pickled):
            raise MedshiftError(refusal)
        # torch sets what is named here as attributes of the network
        named = parsed["config"] if plain.startswith("data/") else ()
        bad = next(foreign(parsed) if program else (name for name in named if not is_plain(name)), None)
        if bad is not None:
            raise MedshiftError(FOREIGN.format(path=path, text=repr(bad[:80])))
        if program:
            _require_tensors(path, parsed["graph_module"])
    elif plain.endswith(".pt") and not _only_tensors(archive.read_bytes(name)):
        raise MedshiftError(refusal)


def _require_tensors(path: Path, graph_module: Mapping[str, Any]) -> None:
    """Raise MedshiftError if a program takes anything but tensors; torch writes Python of other inputs."""
    specs = [one for spec in graph_module["signature"]["input_specs"] for one in spec.items()]
    given = [spec["arg"] if kind == "user_input" else {kind: None} for kind, spec in specs if kind not in LIFTED]
    others = [kind for each in (*given, *graph_module["graph"]["inputs"]) for kind in each if kind != "as_tensor"]
    if others:
        raise MedshiftError(
            f"{path} takes inputs that are not images ({others[0]}): export it with the image as its only one"
        )


def _pickled(config: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield the names of the parts that torch would unpickle."""
    for part in config.get("config", {}).values():
        name = str(part.get("path_name", ""))
        if part.get("use_pickle") or name.lower().startswith(UNSAFE):
            yield name


def _only_tensors(content: bytes) -> bool:
    """Whether a pickle holds nothing but tensors and plain values."""
    try:
        torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError):
        return False
    return True
