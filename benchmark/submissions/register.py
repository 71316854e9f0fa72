"""`verified.json` beside the protocols: which submissions were run again, when, where and by whom.

Maintainers and the project's own CI write it, nobody else. Where it lies, verified entries are ranked, and the others
are listed without a rank. A run counts only for the very card and predictions that it reproduced. What was run again
without success is remembered as well, so that it does not come first again; it verifies nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import Field, model_validator

from ..files.atomic import write_text
from ..files.locks import locked
from ..files.schema import Strict, read_own
from .fields import ENTRY, Sha256
from .verification_record import Reproduced, VerificationRecord

REGISTER_FILE = "verified.json"
LARGEST_REGISTER = 16 << 20  # bytes
MOST_RUNS = 20_000

Words = Annotated[str, Field(pattern=r"^[ -~]{0,100}$")]  # what a terminal and a page show as it is
Day = Annotated[str, Field(pattern=r"^20[0-9]{2}-[01][0-9]-[0-3][0-9]$")]


class RepeatedRun(Strict):
    """One submission that was run again and reproduced.

    Args:
        protocol: Name of the protocol, and of its folder.
        entry: Name of the entry.
        seed: Its seed.
        card_sha256: Hash of the card that was run again.
        predictions_sha256: Hash of the predictions that came out, or within the tolerance did.
        result: Whether the bytes were identical, the probabilities within the tolerance, or neither, so that what
            came out took the place of what its author had sent.
        largest_difference: Largest difference of a probability; 0 for identical bytes.
        version: Version of medshift.
        commit: Commit of the checkout that ran it; None if it was installed.
        date: Day.
        machine: Operating system, processor (its kind alone in earlier lines) and device.
        process: Where the method ran.
        log_sha256: Hash of what the run printed.
        by: Who ran it.
    """

    protocol: Annotated[str, Field(pattern=ENTRY)]
    entry: Annotated[str, Field(pattern=ENTRY)]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    card_sha256: Sha256
    predictions_sha256: Sha256
    result: Reproduced
    largest_difference: Annotated[float, Field(ge=0, le=1)]
    version: Words
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None
    date: Day
    machine: Words
    process: Literal["apart", "per-condition"]
    log_sha256: Sha256
    by: Literal["a maintainer", "CI"]

    @property
    def key(self) -> tuple[str, str, int]:
        """Which submission it is of."""
        return self.protocol, self.entry, self.seed


class LastTry(Strict):
    """The last time that a submission was run again, if it was not reproduced then.

    Args:
        protocol: Name of the protocol, and of its folder.
        entry: Name of the entry.
        seed: Its seed.
        card_sha256: Hash of the card.
        predictions_sha256: Hash that the card states of the predictions.
        result: Whether others came out, the run failed, or it never ended.
        date: Day.
    """

    protocol: Annotated[str, Field(pattern=ENTRY)]
    entry: Annotated[str, Field(pattern=ENTRY)]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    card_sha256: Sha256
    predictions_sha256: Sha256
    result: Literal["differs", "failed", "unfinished"]
    date: Day

    @property
    def key(self) -> tuple[str, str, int]:
        """Which submission it is of."""
        return self.protocol, self.entry, self.seed


class RegisterFile(Strict):
    """What the file holds; older ones have no `tries`."""

    schema_: Literal["medshift-register/1"] = Field(default="medshift-register/1", alias="schema")
    runs: tuple[RepeatedRun, ...] = Field(default=(), max_length=MOST_RUNS, strict=False)
    tries: tuple[LastTry, ...] = Field(default=(), max_length=MOST_RUNS, strict=False)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for lines in (self.runs, self.tries):
            if len({line.key for line in lines}) < len(lines):
                raise ValueError("a submission occurs twice")
        return self


Key = tuple[str, str, int]  # protocol, entry, seed
Line = TypeVar("Line", RepeatedRun, LastTry)


@dataclass(frozen=True)
class Register:
    """The submissions of a folder that were run again.

    Args:
        runs: One for each that was reproduced.
        tries: One for each whose last run did not reproduce it.
    """

    runs: Sequence[RepeatedRun] = ()
    tries: Sequence[LastTry] = ()

    def find(self, protocol: str, entry: str, seed: int, hashes: tuple[str, str]) -> RepeatedRun | None:
        """Return the run that reproduced a submission as it stands; None if there is none.

        Args:
            protocol: Name of the protocol.
            entry: Name of the entry.
            seed: Its seed.
            hashes: Of its card and its predictions.
        """
        return _of(self.runs, (protocol, entry, seed), hashes)

    def tried(self, key: Key, hashes: tuple[str, str]) -> str:
        """Return the day on which a submission as it stands was last run again, with any result; empty if never."""
        found = _of(self.runs, key, hashes), _of(self.tries, key, hashes)
        return max((each.date for each in found if each), default="")

    def replaced(self, key: Key, run: RepeatedRun | None, tried: LastTry | None = None) -> Register:
        """Return the register with another run and last try of a submission, or with none."""
        runs = [*(each for each in self.runs if each.key != key), *([run] if run else [])]
        tries = [*(each for each in self.tries if each.key != key), *([tried] if tried else [])]
        return Register(tuple(sorted(runs, key=_key)), tuple(sorted(tries, key=_key)))

    @property
    def keys(self) -> set[Key]:
        """The submissions of which something is said."""
        return {run.key for run in self.runs} | {last.key for last in self.tries}

    def lines(self, key: Key) -> tuple[RepeatedRun | None, LastTry | None]:
        """Return what is said of a submission, whatever its card and predictions are now."""
        run = next((each for each in self.runs if each.key == key), None)
        return run, next((each for each in self.tries if each.key == key), None)


def merged(ours: Register, since: Register, made: Register) -> Register:
    """Return a register with what was added to another one or changed there, by submission: the run, and the last try.

    Args:
        ours: The register as it is now. A run or try of a later or of the same day stays.
        since: The register from which the other one was made.
        made: The other one.
    """
    for key in sorted(since.keys | made.keys):
        before, new, now = since.lines(key), made.lines(key), ours.lines(key)
        run, tried = _later(before[0], new[0], now[0]), _later(before[1], new[1], now[1])
        if tried and run and _hashes(tried) != _hashes(run):  # of files that somebody has replaced meanwhile
            tried = now[1]
        ours = ours.replaced(key, run, tried)
    return ours


def _later(before: Line | None, new: Line | None, now: Line | None) -> Line | None:
    """Return which of two lines that follow on one holds: what changed; of two that did, the later one, or ours."""
    if new == before or (now != before and (new is None or (now is not None and new.date <= now.date))):
        return now
    return new


def _hashes(line: RepeatedRun | LastTry) -> tuple[str, str]:
    return line.card_sha256, line.predictions_sha256


def _key(line: RepeatedRun | LastTry) -> Key:
    return line.key


def _of(lines: Iterable[Line], key: Key, hashes: tuple[str, str]) -> Line | None:
    """Return the line of a submission with these hashes of card and predictions."""
    found = (one for one in lines if one.key == key and _hashes(one) == hashes)
    return next(found, None)


def as_record(run: RepeatedRun) -> VerificationRecord:
    """Return what a page says of a submission that was run again."""
    by = f"{run.by} on {run.date} ({run.machine})"
    return VerificationRecord(
        predictions_sha256=run.predictions_sha256,
        card_sha256=run.card_sha256,
        result=run.result,
        largest_difference=run.largest_difference,
        version=run.version or "unknown",
        by=by,
    )


def read_register(root: Path) -> Register | None:
    """Read the register of a folder of submissions; None if it has none.

    Raises:
        MedshiftError: It is damaged.
    """
    path = root / REGISTER_FILE
    return read_register_file(path) if path.is_file() else None


def read_register_file(path: Path) -> Register:
    """Read a register, wherever it lies.

    Raises:
        MedshiftError: It is not there, or damaged.
    """
    found = read_own(path, RegisterFile, LARGEST_REGISTER, "register")
    return Register(found.runs, found.tries)


def write_register(register: Register, root: Path) -> None:
    """Write the register of a folder of submissions: a line for each run, so that a difference shows which changed."""
    text = f'{{"schema": "medshift-register/1", "runs": {_listed(register.runs)}'
    # as older registers, where there is nothing to say
    text += f', "tries": {_listed(register.tries)}' if register.tries else ""
    write_text(root / REGISTER_FILE, text + "}\n")


def update_register(root: Path, change: Callable[[Register], Register]) -> None:
    """Read, change and write the register of a folder of submissions, while nobody else does.

    Raises:
        MedshiftError: It is damaged.
    """
    with locked(root / f".{REGISTER_FILE}.lock", f"{root / REGISTER_FILE} is being written", lambda who: None):
        write_register(change(read_register(root) or Register()), root)


def _listed(lines: Sequence[Strict]) -> str:
    body = ",\n  ".join(json.dumps(line.model_dump(mode="json")) for line in lines)
    return f"[\n  {body}\n]" if lines else "[]"
