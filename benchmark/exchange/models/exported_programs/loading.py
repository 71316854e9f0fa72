"""Open a file of `torch.export`, with torch's own reader of archives and no other.

`torch.export.load` tries an older format with another reader where it cannot read an archive: then what was looked
through would not be what is loaded.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .....shifts.errors import MedshiftError, in_one_line
from ....files.atomic import sha256
from ..interface import Interface, Layout
from ..opened import Opened
from ..shapes import with_shape
from ..torch_files import EXTRA, stated_by
from .archive import require_harmless

TAKEN = (torch.float32, torch.float64, torch.float16, torch.uint8)


def open_exported(path: Path, device: torch.device, layout: Layout | None = None, *, trust: bool) -> Opened:
    """Open a file of `torch.export.save`.

    Raises:
        MedshiftError: It holds code and is not trusted, or torch cannot load it, or it does not take images.
    """
    if not trust:
        require_harmless(path)
    with _told_in_one_line(path):
        program, extra = _loaded(path, trust=trust)
    dtype, stated = _with_input(path, program, stated_by(extra.get(EXTRA, ""), path.name), layout)
    with _told_in_one_line(path):
        network = _module(_moved(program, device), trust=trust)
    run = network if dtype in (torch.float32, torch.uint8) else _Cast(network, dtype)
    return Opened(run, "torch.export", path.name, sha256(path), stated)


class _Cast(nn.Module):
    """A network that takes other floating-point numbers than float32."""

    def __init__(self, network: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.dtype = dtype

    def forward(self, images: Tensor) -> object:
        """Run the network on images of its type."""
        made: object = self.network(images.to(self.dtype))
        return made


def _loaded(path: Path, *, trust: bool) -> tuple[Any, Mapping[str, Any]]:
    """Load the program and the files beside it; files that are not trusted in the format that was looked through."""
    if trust:
        extra: dict[str, Any] = {EXTRA: ""}
        return torch.export.load(path, extra_files=extra), extra
    from torch.export.pt2_archive._package import load_pt2

    found = load_pt2(str(path))
    return found.exported_programs["model"], found.extra_files


def _module(program: Any, *, trust: bool) -> Any:  # noqa: ANN401
    """Make the network; of a file that is not trusted, without the checks of inputs that torch writes as Python.

    These checks hold text of the file: its `guards_code` as it is, constants among the inputs, and the keys of example
    inputs. Sizes are checked without them, too.
    """
    if trust:
        return program.module()
    program._guards_code = []
    program.example_inputs = None  # without them, a torch that cannot be asked to leave the checks out does so, too
    switch = {"check_guards": False} if "check_guards" in inspect.signature(program.module).parameters else {}
    return program.module(**switch)


def _moved(program: Any, device: torch.device) -> Any:  # noqa: ANN401
    if device.type == "cpu":
        return program
    from torch.export.passes import move_to_device_pass

    return move_to_device_pass(program, device)


def _with_input(
    path: Path,
    program: Any,  # noqa: ANN401
    stated: Interface,
    layout: Layout | None,
) -> tuple[torch.dtype, Interface]:
    """Return the type of the program's input, and what it says.

    Raises:
        MedshiftError: The program does not take one batch of images.
    """
    names = program.graph_signature.user_inputs  # of a constant, its value
    values = [node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(names) != 1 or len(values) != 1 or not isinstance(values[0], Tensor):
        raise MedshiftError(f"{path} takes {len(names)} inputs: export it with the image as its only one")
    (value,) = values
    if value.dtype not in TAKEN:
        raise MedshiftError(f"{path} takes {value.dtype}, not images: export it with an input of float32 or uint8")
    stated = replace(stated, whole=True if value.dtype == torch.uint8 else None)
    return value.dtype, with_shape(str(path), stated, list(value.shape), layout)


@contextmanager
def _told_in_one_line(path: Path) -> Iterator[None]:
    """Turn errors of torch into one line, and keep torch from logging their tracebacks."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    except Exception as error:  # damaged files raise any error
        raise MedshiftError(
            f"{path}: torch {torch.__version__} cannot load it: {in_one_line(error)[:200]}: is the file complete, "
            "and of a version that this torch reads?"
        ) from error
    finally:
        logging.disable(before)
