"""Downloads that resume, are compared with their checksum, and are complete or absent."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ....shifts.errors import MedshiftError, in_one_line
from ...files.atomic import write_text
from ...files.bounded.archive import unpack_archive
from .definition import Remote

if TYPE_CHECKING:
    from requests import Response, Session

TRIES = 5  # attempts for a connection that breaks; each resumes from what is there
CHUNK = 1 << 16  # bytes that a break loses at most
TIMEOUT = (15, 60)  # seconds to connect, and between two bytes
WAIT = 1.0  # seconds before the next attempt; grows with each
LONGEST = 60.0  # seconds to wait when a server asks for patience
BUSY = (429, 503)  # the server asks to come back later
GONE = (404, 410)


class Unreachable(MedshiftError):
    """A file cannot be fetched from here: no network, a firewall, a dead or closed address, terms to be accepted."""


class Gone(Unreachable):
    """The server answers, but has no such file."""


class Damaged(MedshiftError):
    """A file has another content than the published one."""


class _Busy(OSError):
    """The server asks to come back after `wait` seconds."""

    def __init__(self, wait: float, said: str) -> None:
        super().__init__(said)
        self.wait = wait


def offline() -> bool:
    """Tell whether $MEDSHIFT_OFFLINE forbids the network."""
    return os.environ.get("MEDSHIFT_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def fetch(
    remote: Remote, folder: Path, progress: Callable[[int, int], None] = lambda done, total: None, tries: int = TRIES
) -> Path:
    """Download what is missing of a file, and return its path.

    An incomplete file is kept as `.NAME.part` and resumed in this call or the next; if the remote file has changed
    since, by its ETag or date, the download starts over. While another process downloads the file, this one waits.

    Args:
        remote: The file.
        folder: Destination.
        progress: Called with (bytes so far, all bytes).
        tries: Number of attempts.

    Raises:
        Unreachable: The address does not answer or refuses.
        MedshiftError: The file is not the published one, or cannot be written.
    """
    path = folder / remote.file
    if not path.exists():
        with locked(path):
            if not path.exists():  # another process may have fetched it meanwhile
                fetch_to(path, remote, progress, tries)
                return path
    _verify(path, remote, f"remove {path} and try again")
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Create the folder of a file, and lock the file against other processes."""
    from filelock import FileLock

    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        raise MedshiftError(f"{path.parent} cannot be written: {in_one_line(error)}") from error
    try:
        yield
    finally:
        lock.release()


def fetch_to(
    path: Path,
    remote: Remote,
    progress: Callable[[int, int], None],
    tries: int = TRIES,
    session: Session | None = None,
) -> None:
    """Download what is missing of a file to a path, without a lock.

    Args:
        path: Destination; replaced if it exists.
        remote: The file.
        progress: Called with (bytes so far, all bytes).
        tries: Number of attempts.
        session: Keeps connections open between files.

    Raises:
        Unreachable: The address does not answer or refuses; `Gone` if it has no such file.
        Damaged: The file is not the published one.
        MedshiftError: It cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MedshiftError(f"{path.parent} cannot be written: {in_one_line(error)}") from error
    wait = 0.0
    for attempt in range(tries):
        time.sleep(max(attempt * WAIT, wait))
        try:
            if _resume(remote, part, progress, session):
                break
        except OSError as error:  # requests' errors are OSErrors, too
            wait = min(error.wait, LONGEST) if isinstance(error, _Busy) else 0.0
            if getattr(error, "errno", None) and not hasattr(error, "request"):
                raise MedshiftError(f"{part} cannot be written: {in_one_line(error)}") from error
            if attempt == tries - 1:
                how = "asks for patience" if isinstance(error, _Busy) else "does not answer"
                raise Unreachable(f"{remote.url} {how}: {in_one_line(error)}") from error
    else:
        raise Unreachable(f"{remote.url} broke off {tries} times: run the same command again to resume")
    try:
        _verify(part, remote, "it was removed; try again, and if that fails, too, the file is not the published one")
    except Damaged:
        part.unlink()
        raise
    finally:
        _validator(part).unlink(missing_ok=True)
    part.replace(path)


def _resume(remote: Remote, part: Path, progress: Callable[[int, int], None], session: Session | None = None) -> bool:
    """Download what is missing of a file; return whether it is complete."""
    import requests

    ask = session or requests

    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "medshift"}
    known = json.loads(_validator(part).read_text()) if _validator(part).exists() else {}
    if have:
        headers["Range"] = f"bytes={have}-"
        if known.get("is"):
            headers["If-Range"] = known["is"]
    with ask.get(remote.url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 416 and have:  # nothing is missing, or the file is another one
            if _total(answer) == have:
                return True
            part.unlink()
            return False
        if answer.status_code in BUSY:
            raise _Busy(_patience(answer), f"{answer.status_code} {answer.reason}; run the same command again later")
        if answer.status_code in GONE:
            raise Gone(f"{remote.url} answers {answer.status_code} {answer.reason}")
        if answer.status_code not in (200, 206):
            raise Unreachable(f"{remote.url} answers {answer.status_code} {answer.reason}")
        if answer.status_code == 200 or _start(answer) != have:
            have = 0
            if answer.status_code == 206:
                part.unlink(missing_ok=True)
                return False
        total = _total(answer)
        write_text(_validator(part), json.dumps({"is": _identity(answer)}))
        with part.open("ab" if have else "wb") as file:
            for chunk in _chunks(answer):
                file.write(chunk)
                have += len(chunk)
                progress(have, max(total, have))
                if remote.size and have > remote.size:
                    return True  # it is another file, however long; its checksum says so
    return not total or have >= total


def _chunks(answer: Response) -> Iterator[bytes]:
    """Yield the body, up to where the connection breaks."""
    import requests

    try:
        yield from answer.iter_content(CHUNK)
    except requests.RequestException:
        if not _total(answer):
            raise  # without a size, nobody could tell that it is incomplete


def _validator(part: Path) -> Path:
    return part.with_suffix(".json")


def _identity(answer: Response) -> str:
    """Return what identifies this version of a file: a strong ETag, or its date."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _patience(answer: Response) -> float:
    """Return for how many seconds a server asks to wait; 0 if it says none or a date."""
    words = answer.headers.get("Retry-After", "")
    return float(words) if words.isdigit() else 0.0


def _start(answer: Response) -> int:
    words = answer.headers.get("Content-Range", "").removeprefix("bytes ").split("-")[0]
    return int(words) if words.isdigit() else -1


def _total(answer: Response) -> int:
    """Return the size of the whole file, 0 if unknown."""
    if answer.status_code in (206, 416):
        words = answer.headers.get("Content-Range", "").rpartition("/")[2]
    else:
        words = answer.headers.get("Content-Length", "")
    return int(words) if words.isdigit() else 0


def _verify(path: Path, remote: Remote, what_to_do: str) -> None:
    if not remote.checksum:
        return
    kind, _, wanted = remote.checksum.partition(":")
    with path.open("rb") as file:
        have = hashlib.file_digest(file, kind).hexdigest()
    if have != wanted:
        raise Damaged(
            f"{remote.file} from {remote.url} has {kind} {have}, the published one has {wanted}: {what_to_do}"
        )


def unpack(path: Path) -> None:
    """Unpack an archive beside itself, once; no member can leave the folder.

    Raises:
        MedshiftError: It is damaged, or a member leads out of the folder.
    """
    done = path.with_name(f".{path.name}.unpacked")
    if done.exists():
        return
    with locked(path):
        if not done.exists():
            _unpack(path)
            write_text(done, "")


def _unpack(path: Path) -> None:
    try:
        unpack_archive(path, path.parent)
    except (OSError, MedshiftError) as error:
        why = str(error) if isinstance(error, MedshiftError) else in_one_line(error)
        raise MedshiftError(
            f"{path} cannot be unpacked: {why}. Remove it and try again, which downloads it again"
        ) from error
