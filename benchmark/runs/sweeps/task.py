"""What a worker of a Ray cluster does for one run; Ray itself is not needed for it."""

from __future__ import annotations

import hashlib
import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ...files import locks
from ...files.atomic import OLD
from ...files.home import home
from ...submissions import card, submission
from .. import environment
from .child import Child
from .outcome import reason_of

KEPT = ".returned"  # folder of finished submissions that were returned, by sweep
PATIENCE = 60  # seconds that the process of a lost worker may take to end


@dataclass(frozen=True)
class Order:
    """One run, as it is sent to a worker.

    Args:
        words: The command, after `medshift`; its `--out` is `out`.
        out: Folder of submissions, as the sender sees it.
        folder: The submission, within `out`.
        lock: The file that a process locks while it makes the submission, within `out`.
        log: The file of what the run prints, within `out`.
        mark: A file that holds its own name; the worker sees it where both share a file system.
        origin: Names the sender and its folder, for workers that share no file system with it.
        code: Hash of the sender's code.
        cwd: The sender's working directory, in which modules of baselines are looked for.
    """

    words: tuple[str, ...]
    out: str
    folder: str
    lock: str
    log: str
    mark: str
    origin: str
    code: str
    cwd: str


@dataclass(frozen=True)
class Returned:
    """What a worker returns.

    Args:
        host: The worker's machine.
        seconds: Wall time.
        reason: Why the run failed; empty if it did not.
        elsewhere: Whether another process is making the submission.
        shared: Whether the worker wrote into the sender's folder.
        files: Otherwise: the files of the submission.
        log: Otherwise: what the run printed.
    """

    host: str
    seconds: float = 0.0
    reason: str = ""
    elsewhere: bool = False
    shared: bool = True
    files: Mapping[str, bytes] = field(default_factory=dict)
    log: bytes = b""


def carry_out(order: Order) -> Returned:
    """Make a run on this machine, in the sender's folder if it is seen from here.

    A task that is tried again, as its worker was lost, resumes: the process of the lost worker ends with it, and what
    it kept is used, a finished submission, too.
    """
    host = socket.gethostname()
    if environment.sources() != order.code:
        return Returned(host, reason="the code of medshift differs from the sender's: install the same version there")
    shared = _sees(Path(order.mark))
    out = Path(order.out)
    words = list(order.words)
    if not shared:
        out = home() / "sweeps" / hashlib.sha256(order.origin.encode()).hexdigest()[:16]
        words[words.index("--out") + 1] = str(out)
    begin = time.perf_counter()
    if not _free(out / order.lock):
        return Returned(host, elsewhere=True, shared=shared)
    kept = out / KEPT / Path(order.mark).name / order.folder  # of this sweep: another one may have other code
    if not shared:
        _sweep_kept(out.parent)
        if (kept / card.CARD_FILE).exists():  # the worker was lost before its answer arrived
            return Returned(host, shared=False, files=_files(kept), log=_text(out / order.log))
    cwd = Path(order.cwd) if Path(order.cwd).is_dir() else None
    with Child(words, out / order.log, cwd=cwd) as child:
        status = child.wait()
        printed = child.printed()
    reason = reason_of(status, printed) if status else ""
    seconds = time.perf_counter() - begin
    if shared:
        return Returned(host, seconds, reason)
    return Returned(host, seconds, reason, shared=False, files=_taken(out / order.folder, kept), log=printed)


def _sees(mark: Path) -> bool:
    try:
        return mark.read_text(encoding="utf-8") == mark.name
    except OSError:
        return False


def _free(lock: Path) -> bool:
    """Wait for a lock that the process of a lost worker may hold; return False if it is still held then."""
    end = time.monotonic() + PATIENCE
    while locks.is_held(lock):
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def _taken(folder: Path, kept: Path) -> dict[str, bytes]:
    """Put a finished submission aside and return its files; an unfinished one stays, to be resumed.

    It is not removed: nobody knows here whether the sender gets it.
    """
    if not (folder / card.CARD_FILE).exists():
        return {}
    kept.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(kept)
    return _files(kept)


def _files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in submission.files_to_copy(folder)}


def _text(log: Path) -> bytes:
    return log.read_bytes() if log.exists() else b""


def _sweep_kept(place: Path) -> None:
    """Remove what earlier sweeps, of any sender, put aside more than a day ago."""
    for old in place.glob(f"*/{KEPT}/*"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > OLD:
                shutil.rmtree(old)
