"""`medshift doctor`: what is installed here and what it can do, in lines that fit into a bug report."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path

# what each optional dependency gives; a test compares the names with pyproject.toml
EXTRAS = {
    "clip": "image towers of open_clip (--set arch=open_clip:NAME)",
    "dicom": "reads DICOM in JPEG Lossless and JPEG-LS",
    "ixi": "reads the table of IXI (medshift data get ixi-sex)",
    "lite": "ImageNet weights of two more networks (--set arch=tf_efficientnet_lite1 or 2)",
    "medmnist": "fetches PathMNIST (medshift data get pathmnist)",
    "docs": "makes the documentation as a site (make docs)",
    "onnx": "tests models from ONNX files (medshift test)",
    "ray": "runs sweeps on a cluster (medshift sweep --ray)",
    "xray": "fetches the public chest sets (medshift data get)",
}
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def doctor() -> None:
    """Say what is installed, which device is used, and where space goes; nothing that names a person or a path."""
    for title, text in _findings():
        print(f"{title:<12} {text}", flush=True)


def _findings() -> Iterator[tuple[str, str]]:
    """Yield one titled line per finding, those that cost nothing first."""
    from ... import __version__
    from ...files.memory import cores

    yield "medshift", __version__
    yield "Python", f"{platform.python_version()} ({platform.python_implementation()}, {platform.machine()})"
    yield "system", f"{platform.system()} {platform.release()}"
    yield "processors", f"{cores()}"
    yield "memory", _memory()
    yield "cache", _cache()
    yield "data sets", _stored()
    yield "plug-ins", _plugins()
    for extra, gives in sorted(EXTRAS.items()):
        missing = _missing(extra)
        state = f"needs pip install 'medshift[{extra}]' ({', '.join(missing)})" if missing else "installed"
        yield f"[{extra}]", f"{state}: {gives}"
    yield "Numba", _numba()
    yield from _torch()


def _memory() -> str:
    from ...files import memory
    from ...files.wording import byte_size

    free = memory.available()
    return "not known on this system" if free is None else f"{byte_size(free)} available to this process"


def _cache() -> str:
    """Size, room and access of the cache folder; which folder it is, only by how it was chosen."""
    from ...files import disk
    from ...files.home import home
    from ...files.wording import byte_size, plural

    folder = home()
    chosen = "set by MEDSHIFT_HOME" if os.environ.get("MEDSHIFT_HOME") else "the default folder"
    sizes = list(_sizes(folder))
    room = disk.free_space(folder)
    existing = next(each for each in (folder, *folder.parents) if each.exists())
    parts = [chosen, f"{byte_size(sum(sizes))} in {plural(len(sizes), 'file')}"]
    parts += [] if room is None else [f"{byte_size(room)} free on its disk"]
    parts += [] if os.access(existing, os.W_OK) else ["NOT WRITABLE: set MEDSHIFT_HOME to a folder that is"]
    return ", ".join(parts)


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the size of every file in a folder, except for those that a run removes meanwhile."""
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                yield Path(place, name).lstat().st_size


def _stored() -> str:
    """Number of data sets of the user's own, not their names: one may name a hospital."""
    from ...datasets import registry
    from ...files.wording import plural

    kinds = [registry.kind(name) for name in registry.names()]
    return ", ".join(
        f"{kinds.count(kind)} {kind}" if kind != "stored" else f"{plural(kinds.count(kind), 'set')} stored by data add"
        for kind in ("built-in", "plug-in", "stored")
    )


def _plugins() -> str:
    """Distributions that register something with medshift."""
    found = {
        f"{distribution.name} {distribution.version}"
        for distribution in metadata.distributions()
        if any(point.group.startswith("medshift.") for point in distribution.entry_points)
    }
    return ", ".join(sorted(found)) or "none"


def _missing(extra: str) -> list[str]:
    """List the packages of an extra that are not installed."""
    wanted = [text for text in metadata.requires("medshift") or () if re.search(rf"extra == .{extra}\b", text)]
    missing = []
    for text in wanted:
        name = _NAME.match(text)
        try:
            metadata.version(name[0] if name else text)
        except metadata.PackageNotFoundError:
            missing.append(name[0] if name else text)
    return missing


def _numba() -> str:
    from ....shifts.kernels.compiler import numba_works

    return "compiles the loops of shifts" if numba_works() else "not usable: shifts run as tensor code, same bytes"


def _torch() -> Iterator[tuple[str, str]]:
    """Versions, device and threads of torch, which takes seconds to import."""
    yield (
        "packages",
        ", ".join(f"{name} {_version(name)}" for name in ("torch", "torchvision", "timm", "monai", "numpy")),
    )
    try:
        import torch
    except (ImportError, OSError) as error:  # a build for another system ends in either
        yield "torch", f"does not import: {str(error).splitlines()[0][:200]}"
        return
    yield "device", _device()
    yield "threads", f"{torch.get_num_threads()} of torch; --threads N sets them"


def _device() -> str:
    import torch

    from ...files.wording import byte_size

    if not torch.cuda.is_available():
        built = f"torch is built for CUDA {torch.version.cuda}, no card answers" if torch.version.cuda else "no CUDA"
        return f"cpu ({built})"
    cards = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    listed = ", ".join(f"{card.name} with {byte_size(card.total_memory)}" for card in cards)
    return f"cuda ({torch.version.cuda}): {listed}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
