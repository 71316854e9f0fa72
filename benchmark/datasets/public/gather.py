"""Gather the files of a set that lies in public repositories: recognise what is here, fetch the rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ....shifts.errors import MedshiftError
from ...files.wording import plural
from . import download
from .definition import Definition, Remote
from .recognise import recognise, sha256
from .repositories import PinnedFile, describe_terms, read_pins

if TYPE_CHECKING:
    from requests import Session

AT_ONCE = 4  # files; more would look like an attack to a server
GIVE_UP = 20  # files that are gone or damaged, after which the rest is not tried


class NotAccepted(MedshiftError):
    """Terms must be accepted before files are fetched."""


@dataclass(frozen=True)
class Wishes:
    """What the person who asks for a set allows.

    Args:
        given: A folder of theirs with files of the set.
        accept: Whether they accept the terms of the repositories.
        offline: Whether the network must not be used.
        show: Shows the terms before anything is fetched.
    """

    given: Path | None = None
    accept: bool = False
    offline: bool = False
    show: Callable[[str], None] = lambda text: None


def gather(definition: Definition, place: Path, wishes: Wishes, bar: Callable[[str, str], Any]) -> dict[str, Path]:
    """Return where each file of a set lies, by `PinnedFile.key`; fetch what is missing.

    Args:
        definition: A set with `repositories`.
        place: Where fetched files are kept.
        wishes: What is allowed.
        bar: Shows progress.

    Raises:
        NotAccepted: Files are missing, and their terms were not accepted.
        download.Unreachable: Files are missing and cannot be fetched from here.
        MedshiftError: Files are damaged or gone.
    """
    pins = read_pins(definition.name, definition.repositories)
    folders = (place,) if wishes.given is None else (wishes.given, place)
    here = recognise(pins, *folders)
    missing = [pin for pin in pins if pin.key not in here.found]
    if not missing:
        return {pin.key: here.found[pin.key] for pin in pins}
    lacking = _lacking(missing, here.other, len(pins))
    where = wishes.given or place
    if wishes.offline:
        raise download.Unreachable(f"{where}: {lacking}, and the network is switched off")
    size = sum(pin.size for pin in missing)
    if not wishes.accept:
        terms = describe_terms(definition.repositories)
        begin = f"{where}: {lacking}. " if wishes.given else ""
        raise NotAccepted(
            f"{begin}{plural(len(missing), 'file')} ({size / 1e6:.0f} MB) can be fetched from the places below once "
            "you accept their terms with --accept; files that you have already are read with --from FOLDER\n"
            f"{terms}"
        )
    wishes.show(f"{definition.name}: you accepted (--accept) the terms of\n{describe_terms(definition.repositories)}")
    with bar(f"fetching {definition.name}", "bytes") as progress:
        fetch_all(missing, place, progress)
    return {pin.key: here.found.get(pin.key, place / pin.key) for pin in pins}


def _lacking(missing: Sequence[PinnedFile], other: dict[str, Path], count: int) -> str:
    """Say in one line which files are absent or have another content."""
    damaged = [other[pin.key].as_posix() for pin in missing if pin.key in other]
    absent = [pin.key for pin in missing if pin.key not in other]
    said = ([f"{len(absent):,} missing{_such(absent)}"] if absent else []) + (
        [f"{len(damaged):,} with content other than the published{_such(damaged)}"] if damaged else []
    )
    return f"of {count:,} files {' and '.join(said)}"


def _such(names: Sequence[str]) -> str:
    return f" ({names[0]})" if len(names) == 1 else f" (the first: {names[0]})"


@dataclass
class _Fetched:
    """What was fetched of several files, by threads."""

    total: int
    progress: Callable[[int, int], None]
    lock: threading.Lock = field(default_factory=threading.Lock)
    done: int = 0
    gone: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def counter(self) -> Callable[[int, int], None]:
        """Return the progress of one file, which is added to that of the others."""
        last = 0

        def count(done: int, _: int) -> None:
            nonlocal last
            with self.lock:
                self.done, last = self.done + done - last, done
                self.progress(self.done, max(self.total, self.done))

        return count

    def describe(self) -> str:
        """Say how many files are damaged and gone, and the first of each; empty if none is."""
        said = []
        if self.damaged:
            said.append(f"{len(self.damaged):,} with content other than the published{_such(sorted(self.damaged))}")
        if self.gone:
            said.append(f"{len(self.gone):,} no longer there{_such(sorted(self.gone))}")
        return " and ".join(said)


def fetch_all(pins: Sequence[PinnedFile], place: Path, progress: Callable[[int, int], None]) -> None:
    """Fetch files into `place`, several at once; what is complete is kept, whatever happens to the others.

    Args:
        pins: The files.
        place: Destination; files lie below it as in clones.
        progress: Called with (bytes so far, all bytes).

    Raises:
        download.Unreachable: The server does not answer or refuses.
        MedshiftError: Files are damaged or gone; the message names the first of each.
    """
    import requests

    made = _Fetched(sum(pin.size for pin in pins), progress)
    with download.locked(place / "all"), requests.Session() as session, ThreadPoolExecutor(AT_ONCE) as pool:
        stop = threading.Event()
        tasks = [pool.submit(_fetch_one, pin, place, made, stop, session) for pin in pins]
        try:
            for task in tasks:
                task.result()
        except download.Unreachable as error:
            raise download.Unreachable(f"{error}. What is complete was kept: the same command resumes") from error
        finally:
            stopped = stop.is_set()
            stop.set()
    said = made.describe()
    if said:
        rest = "; the rest was not tried" if stopped else ""
        raise MedshiftError(
            f"of {plural(len(pins), 'file')} to fetch {said}{rest}. Run the same command again, or put these files, "
            f"from wherever you have them, into {place}: they are recognised by their content"
        )


def _fetch_one(pin: PinnedFile, place: Path, made: _Fetched, stop: threading.Event, session: Session) -> None:
    if stop.is_set():
        return
    remote = Remote(pin.url, pin.key, f"sha256:{pin.sha256}", "medshift", size=pin.size)
    path = place / pin.key
    try:
        if sha256(path) != pin.sha256:  # another process may have fetched it meanwhile
            download.fetch_to(path, remote, made.counter(), session=session)
    except download.Gone:
        made.gone.append(pin.url)
    except download.Damaged:
        made.damaged.append(pin.key)
    except BaseException:
        stop.set()
        raise
    if len(made.gone) + len(made.damaged) >= GIVE_UP:
        stop.set()
