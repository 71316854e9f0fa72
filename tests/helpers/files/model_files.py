"""Tiny models as files: ONNX graphs written node by node, programs of torch.export, and damaged and hostile ones."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

SIDE = 32
GAIN = 20.0  # of the logit of brightness, which tells the classes of `image_folders` apart
MIDDLE = 0.6


class Bright(torch.nn.Module):
    """Logits by the brightest pixel of a slightly smoothed image, in [0, 1]; knows the classes of `image_folders`."""

    def __init__(self, swapped: bool = False) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.tensor([GAIN, 0.0] if swapped else [0.0, GAIN]))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        smooth = torch.nn.functional.avg_pool2d(images, 5, 1)
        return (smooth.amax((1, 2, 3)).unsqueeze(1) - MIDDLE) * self.gain


def truth_of_bright(images: torch.Tensor) -> torch.Tensor:
    """Probabilities of `Bright`."""
    with torch.no_grad():
        return Bright()(images).softmax(1)


def exported(path: Path, network: torch.nn.Module, channels: int = 1, batch: int = 0) -> Path:
    """Save a network with torch.export; with a batch of any size, or of one."""
    example = torch.rand(batch or 3, channels, SIDE, SIDE)
    shapes = None if batch else ({0: torch.export.Dim("n", min=1, max=4096)},)
    torch.export.save(torch.export.export(network.eval(), (example,), dynamic_shapes=shapes), path)
    return path


def onnx_bright(
    path: Path,
    *,
    shape: tuple[int | str, ...] = ("n", 1, SIDE, SIDE),
    weights: tuple[float, ...] = (0.0, GAIN),
    middle: float = MIDDLE,
    dtype: str = "FLOAT",
    opset: int = 17,
    metadata: dict[str, str] | None = None,
    last: str = "",
    inputs: int = 1,
) -> Path:
    """Write `Bright` as an ONNX file: smooth, take the brightest pixel, and multiply it by one weight per class.

    Args:
        path: The file.
        shape: Of the input.
        weights: One per output.
        middle: Subtracted from the brightness.
        dtype: Of the input.
        opset: Version of the operators.
        metadata: Entries of `metadata_props`.
        last: A further operator on the outputs, such as `Softmax` or `Sqrt`.
        inputs: Number of inputs.
    """
    from onnx import TensorProto, helper, numpy_helper, save

    spatial = len(shape) == 4
    nodes = [helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT)]
    nodes += [helper.make_node("AveragePool", ["floats"], ["smooth"], kernel_shape=[5, 5])] if spatial else []
    axes = list(range(1, len(shape)))
    nodes += [
        helper.make_node("ReduceMax", ["smooth" if spatial else "floats"], ["top"], axes=axes, keepdims=0),
        helper.make_node("Unsqueeze", ["top", "one"], ["column"]),
        helper.make_node("Sub", ["column", "middle"], ["centred"]),
        helper.make_node("Mul", ["centred", "weights"], ["made" if last else "out"]),
    ]
    nodes += [helper.make_node(last, ["made"], ["out"])] if last else []
    constants = {"one": np.array([1]), "middle": np.float32([middle]), "weights": np.float32([weights])}
    graph = helper.make_graph(
        nodes,
        "bright",
        [
            helper.make_tensor_value_info(name, getattr(TensorProto, dtype), list(shape))
            for name in ["image", "mask", "age"][:inputs]
        ],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [shape[0], len(weights)])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    helper.set_model_props(model, metadata or {})
    save(model, str(path))
    return path


def edited(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Change the parts of an archive: a function of name within the archive -> content."""
    with zipfile.ZipFile(path) as archive:
        root = archive.namelist()[0].partition("/")[0]
        parts = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    change(parts)
    writer = torch._C.PyTorchFileWriter(str(path))
    for name, content in parts.items():
        if not name.startswith((".data/", "byteorder", "version")):
            writer.write_record(name, content, len(content))
    writer.write_end_of_file()
    assert root
    return path


def two_archives(path: Path, native: dict[str, bytes], python: dict[str, bytes]) -> Path:
    """Write a file that torch's reader of archives takes for one archive and Python's `zipfile` for another.

    Its end gives the place of a directory, which torch reads, and Python takes the one right before the end.
    """
    (files, where), (others, elsewhere) = (_archive(parts) for parts in (native, python))
    start = len(where) + len(others)  # the native files' place; without the blank start, other places were negative
    where, at = _moved(where, start), start + len(files)
    elsewhere = _moved(elsewhere, 0)  # Python adds the length of the first directory, which is that of the blank start
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(native), len(native), len(elsewhere), at, 0)
    path.write_bytes(bytes(len(where)) + others + files + where + elsewhere + end)
    return path


def _archive(parts: dict[str, bytes]) -> tuple[bytes, bytes]:
    """Return the files of an archive, and its directory."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    size, at = struct.unpack("<2I", buffer.getvalue()[-10:-2])
    return buffer.getvalue()[:at], buffer.getvalue()[at : at + size]


def _moved(directory: bytes, by: int) -> bytes:
    """Move the places of the files in a directory."""
    made, at = bytearray(directory), 0
    while at < len(made):
        (place,) = struct.unpack_from("<I", made, at + 42)
        struct.pack_into("<I", made, at + 42, place + by)
        at += 46 + sum(struct.unpack_from("<3H", made, at + 28))
    return bytes(made)


class Bomb:
    """Something that writes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str, bytes]]:
        return _explode, (str(self.mark), b"")


def _explode(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)


def saved(thing: object) -> bytes:
    """Return what `torch.save` writes."""
    buffer = io.BytesIO()
    torch.save(thing, buffer, pickle_module=pickle)
    return buffer.getvalue()


def with_program(parts: dict[str, bytes], old: str, new: str) -> None:
    """Replace text in the program of an archive of torch.export."""
    text = parts["models/model.json"].decode()
    assert old in text
    parts["models/model.json"] = text.replace(old, new).encode()
    json.loads(parts["models/model.json"])
