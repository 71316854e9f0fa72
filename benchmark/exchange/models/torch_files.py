"""Files of torch: TorchScript, and pickles, which are opened only if they are trusted."""

from __future__ import annotations

import json
import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from ....shifts.errors import MedshiftError, in_one_line
from ...files.atomic import sha256
from .interface import Interface
from .monai_metadata import from_monai
from .opened import Opened
from .options import from_metadata

Kind: TypeAlias = Literal["torchscript", "torch.export", "pickle", "other"]
EXTRA = "metadata.json"  # the file in a TorchScript archive in which MONAI keeps what it knows
TRUST = (
    "{path} holds pickled Python, which can do anything when it is loaded: give --trust if you know who made it, or "
    "export the model with torch.export or to ONNX"
)


def kind_of(path: Path) -> Kind:
    """Recognise a file of torch by its content."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            return "pickle" if file.read(1) == b"\x80" else "other"
    with zipfile.ZipFile(path) as archive:
        names = {name.partition("/")[2] or name for name in archive.namelist()}
    if "archive_format" in names or "serialized_exported_program.json" in names | set(map(_last, names)):
        return "torch.export"
    if "constants.pkl" in names and any(name.startswith("code/") for name in names):
        return "torchscript"
    return "pickle" if "data.pkl" in names else "other"


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def open_torchscript(path: Path, device: torch.device) -> Opened:
    """Open a TorchScript archive: its own loader reads it, not Python's pickle.

    Raises:
        MedshiftError: torch cannot load it.
    """
    extra = {EXTRA: ""}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is deprecated
            load: Any = torch.jit.load  # without types
            network = load(str(path), map_location=device, _extra_files=extra)
        network.eval()
    except Exception as error:
        raise MedshiftError(f"{path}: torch {torch.__version__} cannot load it: {in_one_line(error)[:200]}") from error
    text = extra[EXTRA]
    return Opened(network, "torchscript", path.name, sha256(path), stated_by(text, path.name))


def stated_by(text: str | bytes, where: str) -> Interface:
    """Read the text of a `metadata.json`: MONAI's, or the options by name; empty text says nothing."""
    if not text:
        return Interface()
    try:
        found = json.loads(text)
    except ValueError as error:
        raise MedshiftError(f"{where}: its {EXTRA} cannot be read: {in_one_line(error)}") from None
    if not isinstance(found, dict):
        return Interface()
    return from_monai(found, where) if "network_data_format" in found else from_metadata(found, where)


def open_pickle(path: Path, device: torch.device, *, trust: bool) -> Opened:
    """Open a whole network that `torch.save` wrote, if it is trusted; weights alone are refused.

    Raises:
        MedshiftError: It is not trusted, cannot be loaded, or is not a network.
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        if not trust:
            raise MedshiftError(TRUST.format(path=path)) from None
        loaded = _unpickled(path)
    except Exception as error:
        raise MedshiftError(f"{path} cannot be loaded: {in_one_line(error)[:200]}: is the file complete?") from error
    if not isinstance(loaded, nn.Module):
        raise MedshiftError(
            f"{path} holds weights ({type(loaded).__name__}), and no network that uses them: export the model with "
            "torch.export or to ONNX, or give a function: my_module:predict"
        )
    return Opened(loaded.to(device).eval(), "pickle", path.name, sha256(path))


def _unpickled(path: Path) -> object:
    try:
        loaded: object = torch.load(path, map_location="cpu", weights_only=False)
    except Exception as error:  # unpickling runs what its author wrote
        raise MedshiftError(f"{path} cannot be unpickled: {in_one_line(error)[:200]}") from error
    return loaded


def weights_sha256(network: nn.Module) -> str:
    """Hash the weights of a network, with their names."""
    from hashlib import sha256 as new

    digest = new()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(_bytes(tensor))
    return digest.hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
