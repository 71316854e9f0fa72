"""ONNX files, run by onnxruntime (extra `medshift[onnx]`). They are data: nothing in them is run as Python."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....shifts.errors import MedshiftError, in_one_line
from ...files.atomic import sha256
from .interface import Layout
from .opened import Opened
from .options import from_metadata
from .shapes import with_shape

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

INSTALL = "ONNX files need onnxruntime: pip install 'medshift[onnx]'"
TAKEN: dict[str, DTypeLike] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}
LOCATION = re.compile(rb"\n\x08location\x12([\x80-\xff]?[\x00-\x7f])")  # an entry of external_data, and its length
HINTS = {
    "opset": "export it again with a lower opset version, or update onnxruntime",
    "ir version": "export it again with an older onnx, or update onnxruntime",
    "protobuf": "is the file complete, and an ONNX file?",
    "parsing": "is the file complete, and an ONNX file?",
    "external data": "the files of its weights belong beside it",
    "not a registered function/op": "it has operators that onnxruntime does not know: export it without them",
}


def open_onnx(path: Path, device: torch.device, classes: int, layout: Layout | None = None) -> Opened:
    """Open an ONNX file.

    Args:
        path: The file.
        device: CUDA's provider is used on a graphics card, if onnxruntime has it.
        classes: Number of the data's classes, by which one of several outputs is chosen.
        layout: The user's option.

    Raises:
        MedshiftError: onnxruntime is missing or cannot load the file, or it does not take images.
    """
    runtime = _runtime()
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    settings.log_severity_level = 4  # errors are raised, and told in one line
    providers, notes = _providers(runtime, device)
    try:
        session = runtime.InferenceSession(str(path), settings, providers=providers)
    except Exception as error:  # its errors have no common base class
        text = in_one_line(error)
        advice = next((advice for word, advice in HINTS.items() if word in str(error).lower()), "export it again")
        raise MedshiftError(
            f"{path}: onnxruntime {runtime.__version__} cannot load it: {advice} ({text[:200]})"
        ) from error
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs)
        raise MedshiftError(f"{path} has {len(inputs)} inputs ({names}): export it with the image as its only one")
    (taken,) = inputs
    if taken.type not in TAKEN:
        raise MedshiftError(f"{path} takes {taken.type}, not images: export it with an input of float32 or uint8")
    output = _output(path, session.get_outputs(), classes)
    stated = from_metadata(dict(session.get_modelmeta().custom_metadata_map), path.name)
    stated = with_shape(str(path), stated, taken.shape, layout)
    if taken.type == "tensor(uint8)":
        stated = replace(stated, whole=True)
    run = _Session(session, taken.name, output, np.dtype(TAKEN[taken.type]))
    return Opened(run, "onnx", path.name, _sha256(path), stated, notes)


def _sha256(path: Path) -> str:
    """Hash a file, together with the files of weights beside it, which the exporter of torch writes by default."""
    content = path.read_bytes()
    names = set()
    for found in LOCATION.finditer(content):
        low, *high = found[1]
        size = low & 0x7F | (high[0] << 7 if high else 0)
        names.add(content[found.end() : found.end() + size].decode(errors="replace"))
    files = [each for name in sorted(names) if (each := path.parent / name).is_file()]
    if not files:
        return sha256(path)
    return hashlib.sha256(" ".join(map(sha256, (path, *files))).encode()).hexdigest()


class _Session:
    """A session of onnxruntime as a function of tensors. It keeps no state, so conditions share it."""

    def __init__(self, session: Any, taken: str, output: str, dtype: np.dtype[Any]) -> None:  # noqa: ANN401
        self.session = session
        self.taken = taken
        self.output = output
        self.dtype = dtype

    def __call__(self, images: Tensor) -> NDArray[Any]:
        """Run the model on a batch."""
        values = images.cpu().numpy().astype(self.dtype, copy=False)
        made: NDArray[Any] = self.session.run([self.output], {self.taken: values})[0]
        return made

    def __deepcopy__(self, memo: dict[int, object]) -> _Session:
        return self


def _runtime() -> Any:  # noqa: ANN401 - it has no types
    # a warning on the graphics cards of the machine is written when the library is loaded, not through Python
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(Path(os.devnull).open("w"))
        kept = os.dup(2)
        stack.callback(os.close, kept)
        stack.callback(os.dup2, kept, 2)
        os.dup2(silent.fileno(), 2)
        try:
            import onnxruntime
        except ImportError as error:
            missing = error.name == "onnxruntime"
            raise MedshiftError(INSTALL if missing else f"{INSTALL} ({in_one_line(error)})") from None
    return onnxruntime


def _providers(runtime: Any, device: torch.device) -> tuple[list[Any], tuple[str, ...]]:  # noqa: ANN401
    """Return the providers for a device, and a note where onnxruntime lacks the device's."""
    if device.type == "cpu":
        return ["CPUExecutionProvider"], ()
    if device.type == "cuda" and "CUDAExecutionProvider" in runtime.get_available_providers():
        return [("CUDAExecutionProvider", {"device_id": device.index or 0}), "CPUExecutionProvider"], ()
    more = ": pip install onnxruntime-gpu" if device.type == "cuda" else ""
    return ["CPUExecutionProvider"], (f"onnxruntime has no provider for {device} here, and predicts on the CPU{more}",)


def _output(path: Path, outputs: Sequence[Any], classes: int) -> str:
    """Choose the output: the only one, or the only one with a number per class."""
    tensors = [each for each in outputs if each.type in ("tensor(float)", "tensor(double)", "tensor(float16)")]
    fitting = [each for each in tensors if len(each.shape or ()) == 2 and each.shape[1] == classes]
    chosen = tensors if len(tensors) == 1 else fitting
    if len(chosen) != 1:
        listed = ", ".join(f"{each.name} ({each.type})" for each in outputs[:6])
        raise MedshiftError(
            f"{path} has no output, or several, with one number per class: {listed}; export it with one output, a row "
            "of numbers per image"
        )
    name: str = chosen[0].name
    return name
