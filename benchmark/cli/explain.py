"""Errors of the machine in one line: memory, disks, pipes. And what every command does before it starts."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence

QUIET = ""  # an explanation that is not printed: the reader of the output has gone

# Errors of the place, not of the program: their text and the path are all that a user needs. A file that is missing is
# not among them: the program should have looked.
PLACES = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.ESTALE,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENAMETOOLONG,
)
CARD_IS_FULL = ("out of memory", "STATUS_ALLOC_FAILED")  # in messages of CUDA, HIP, MPS, cuBLAS and cuDNN
TORCH_WRITES = ("PytorchStreamWriter", "inline_container")  # in messages of torch.save, which hide the system's error


def explain(error: BaseException) -> str | None:
    """Explain an error that no part of the program could foresee, in one line.

    Args:
        error: Any exception; those of torch are known by name, so that torch is not imported.

    Returns:
        The line; `QUIET` if nothing is to be said; None if the error is a fault of the program, whose traceback is
        needed.
    """
    if isinstance(error, BrokenPipeError):
        return QUIET
    if isinstance(error, UnicodeEncodeError):
        return f"the output takes no {error.object[error.start : error.end]!r}: set PYTHONIOENCODING=utf-8"
    return _memory(error) or _disk(error)


def _memory(error: BaseException) -> str | None:
    """Explain a lack of memory; torch, NumPy, the system and the pool of workers say it in different ways."""
    text, kind = str(error), type(error).__name__
    if kind == "OutOfMemoryError" or (isinstance(error, RuntimeError) and any(word in text for word in CARD_IS_FULL)):
        return (
            "the graphics card's memory is full: give --set accumulate=2 or more, lower --set batch_size or "
            "--set input_size, end what else runs on it, or give --device cpu"
        )
    if any(each.__name__ == "BrokenProcessPool" for each in type(error).__mro__):
        return "a worker process was killed, most likely because memory ran out: end what else runs, or use less data"
    if (
        isinstance(error, MemoryError)
        or getattr(error, "errno", None) == errno.ENOMEM
        or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in text)
    ):
        way_out = "lower the image size or the number of images"
        if isinstance(error, RuntimeError):  # torch's: most likely a network
            way_out = f"give --set accumulate=2 or more, lower --set batch_size or --set input_size, or {way_out}"
        asked = re.search(r"[Aa]llocate ([\d.]+ (?:[KMGT]i?B|bytes))", text)
        amount = f" (asked for {asked[1]})" if asked else ""
        return f"out of memory{amount}: {way_out}"
    return None


def _disk(error: BaseException) -> str | None:
    """Explain an error of a disk or a path; libraries that keep no number keep the system's words."""
    text = str(error)
    if isinstance(error, RuntimeError) and any(word in text for word in TORCH_WRITES):
        return "a file of weights cannot be written: is the disk full?"
    if not isinstance(error, OSError):
        return None
    if "No usable temporary directory" in text or "access to a writable cache directory" in text:
        return "no folder for temporary files can be written: make room, or set TMPDIR"
    words = next((os.strerror(code) for code in PLACES if error.errno == code or os.strerror(code) in str(error)), None)
    if words is None:
        return None
    where = error.filename2 or error.filename
    if isinstance(where, bytes):
        where = os.fsdecode(where)
    if where is None:
        return f"a file cannot be written or read: {words}"
    done = "written" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS) else "written or read"
    return f"{where} cannot be {done}: {words}"


def expand_home(arguments: Sequence[str]) -> list[str]:
    """Expand `~` where the shell did not: in `--data=~/scans`, and in quoted arguments of batch scripts."""
    return [_expanded(argument) for argument in arguments]


def _expanded(argument: str) -> str:
    option, equals, value = argument.partition("=")
    if option.startswith("--") and equals and option != "--set":
        return f"{option}={_home(value)}"
    return _home(argument)


def _home(text: str) -> str:
    return os.path.expanduser(text) if text == "~" or text.startswith(("~/", "~\\")) else text  # noqa: PTH111
