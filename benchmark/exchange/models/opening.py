"""Pick the reader of a model by its name, and of a file by its content."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ....shifts.errors import MedshiftError
from ...contract import user_class
from ...files.names import folder_name

if TYPE_CHECKING:
    import torch

    from ...datasets.dataset import Dataset
    from .interface import Layout
    from .opened import Opened

ENDINGS = (".onnx", ".pt2", ".ts", ".pt", ".pth", ".torchscript", ".pkl", ".bin", ".safetensors")
OUTSIDE = ("hf-hub:", "hf_hub:", "local-dir:")  # prefixes by which timm takes networks that it does not list
KINDS = (
    "a file (.onnx, .pt2, TorchScript), a bundle's folder, my_module:predict, or a name of timm (resnet18.a1_in1k, "
    "hf-hub:OWNER/NAME)"
)


def require_model(model: str) -> None:
    """Raise MedshiftError where a model cannot be opened, as far as that shows before anything is imported."""
    path = Path(model)
    if model.startswith(OUTSIDE):
        return
    if path.suffix.lower() in ENDINGS and not path.exists():
        raise MedshiftError(f"{path}: no such file")
    if path.suffix.lower() == ".onnx" and find_spec("onnxruntime") is None:
        from .onnx_files import INSTALL

        raise MedshiftError(INSTALL)
    if path.is_dir():
        from .bundles import METADATA, is_bundle

        if not is_bundle(path):
            raise MedshiftError(f"{path} is a folder without {METADATA}, so not a bundle of MONAI: give {KINDS}")


def default_name(model: str) -> str:
    """Return a name for the entry of a model: that of its file or folder, without the ending."""
    path = Path(model)
    if path.exists():
        return folder_name(path.absolute().name if path.is_dir() else path.stem)
    return folder_name(model.rpartition("/")[2] if model.startswith(OUTSIDE) else user_class.label(model))


def open_model(model: str, dataset: Dataset, device: torch.device, layout: Layout | None, *, trust: bool) -> Opened:
    """Open a model.

    Args:
        model: A file, a folder, `my_module:predict`, or a name of timm.
        dataset: The data, for the number of channels and classes.
        device: Where it predicts.
        layout: The user's option.
        trust: Unpickle what holds code.

    Raises:
        MedshiftError: It cannot be opened, or not without running code that is not trusted.
    """
    path, classes = Path(model), len(dataset.classes)
    if path.is_dir() and not model.startswith(OUTSIDE):
        from .bundles import open_bundle

        return open_bundle(path, device, classes, trust=trust)
    if path.is_file():
        return _open_file(path, device, classes, layout, trust=trust)
    if user_class.SPEC.fullmatch(model) and not model.startswith(OUTSIDE):
        from .named import open_function

        return open_function(model, device)
    from .named import is_timm, open_timm

    if model.startswith(OUTSIDE) or is_timm(model):
        return open_timm(model, device, classes)
    raise MedshiftError(f"{model}: no such file, and not a name that timm has: give {KINDS}")


def _open_file(path: Path, device: torch.device, classes: int, layout: Layout | None, *, trust: bool) -> Opened:
    from .exported_programs import open_exported
    from .torch_files import kind_of, open_pickle, open_torchscript

    if path.suffix.lower() == ".onnx":
        from .onnx_files import open_onnx

        return open_onnx(path, device, classes, layout)
    kind = kind_of(path)
    if kind == "torchscript":
        return open_torchscript(path, device)
    if kind == "torch.export":
        return open_exported(path, device, layout, trust=trust)
    if kind == "pickle":
        return open_pickle(path, device, trust=trust)
    raise MedshiftError(f"{path} is not a model that can be read (is the file complete?): give {KINDS}")
