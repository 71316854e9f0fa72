"""What is kept of trainings: the weights of finished models, and the state of unfinished ones, which resume from it.

Everything that decides the next step is kept, so that a training that was stopped ends in the same bytes. A model is
trained by one process at a time.
"""

from __future__ import annotations

import copy
import hashlib
import io
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from pathlib import Path
from types import FunctionType
from typing import IO, Any, TypeAlias, cast

import torch
from torch import nn

from ...benchmark.contract.access import Access
from ...benchmark.contract.training_record import Curve, TrainingRecord
from ...benchmark.files.atomic import replace
from ...benchmark.files.locks import locked
from ...shifts.errors import MedshiftError, in_one_line

FORMAT = 1
DIGEST = 32  # bytes of the checksum before the rest
REST = (10.0, 20.0)  # between two writes: seconds at least, and times as long as the last one took

State: TypeAlias = dict[str, Any]  # Any: what torch can load without running code


def save_weights(network: nn.Module, path: Path, record: TrainingRecord) -> None:
    """Save a network's weights and how it was trained; torch's own writer reports a full disk as an internal error."""
    buffer = io.BytesIO()
    kept = {"weights": network.state_dict(), "steps": record.steps, "losses": list(record.losses)}
    torch.save({**kept, "curve": record.curve and asdict(record.curve)}, buffer)
    with replace(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load_weights(network: nn.Module, path: Path, access: Access) -> TrainingRecord | None:
    """Load the weights of a model that was trained before, and return its record; None if it was not."""
    if not path.exists():
        return None
    try:
        kept = torch.load(path, map_location=access.device, weights_only=True)
    except (EOFError, RuntimeError, pickle.UnpicklingError) as error:  # left by a power cut
        access.report(f"source model {path.stem[:12]} in the cache is damaged ({in_one_line(error)}): trained again")
        return None
    network.load_state_dict(kept["weights"])
    path.with_suffix(".state").unlink(missing_ok=True)  # of a process that was killed between the two
    access.report(f"source model {path.stem[:12]} loaded from cache")
    return TrainingRecord(kept["steps"], tuple(kept["losses"]), kept["curve"] and Curve(**kept["curve"]))


@contextmanager
def alone(path: Path, access: Access) -> Iterator[None]:
    """Let one process at a time train a model, and remove the temporary files of those that were killed."""

    def wait(who: str) -> None:
        access.report(f"source model {path.stem[:12]} is being trained by {who}: waiting for it")

    with ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(locked(path.with_suffix(".lock"), f"source model {path.stem[:12]} needs itself", wait))
            for left in path.parent.glob(f".{path.stem}.*.part"):
                left.unlink(missing_ok=True)
        except OSError as error:
            raise MedshiftError(f"{path.parent} cannot be written: {error.strerror or error}") from error
        yield


class StateFile:
    """The file that holds the state of one model's training until the model is done.

    A training may have stages, one loop after the other, as pre-training and training. The file holds what the finished
    ones left, and the one that is under way.

    Args:
        path: The file.
        key: Hash of everything that decides the weights; a file with another one is not used.
        report: Called with a line of progress.
    """

    def __init__(self, path: Path, key: str, report: Callable[[str], None]) -> None:
        self.path, self.key, self.report = path, key, report
        self.kept = self._read()
        self.where = self.kept["where"] if self.kept else ""  # how far the training in the file is
        self.finished: list[State] = []
        self.usable = True
        self.due = time.monotonic() + REST[0]

    def write(self, where: str, stage: State) -> None:
        """Write the state of a stage; a disk that is full does not end the training.

        Args:
            where: How far it is: `step 1,500 of 3,000`.
            stage: Its state.
        """
        begin = time.monotonic()
        state = {"format": FORMAT, "key": self.key, "where": where, "finished": self.finished, "stage": stage}
        try:
            with replace(self.path) as temporary, temporary.open("wb") as file:
                file.write(bytes(DIGEST))
                hashed = _Hashed(file)
                torch.save(state, cast("IO[bytes]", hashed))
                file.seek(0)
                file.write(hashed.found.digest())
        except Exception as error:  # torch's writer and a full disk raise several kinds
            self.usable = False
            self.report(f"the state of the training cannot be kept ({in_one_line(error)}); training continues")
            return
        self.where = where
        self.due = time.monotonic() + max(REST[0], REST[1] * (time.monotonic() - begin))

    def remove(self) -> None:
        """Remove the file: the model is done."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> State | None:
        try:
            content = memoryview(self.path.read_bytes())
            if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
                raise MedshiftError("damaged")
            state: State = torch.load(io.BytesIO(content[DIGEST:]), map_location="cpu", weights_only=True)
            if (state["format"], state["key"]) != (FORMAT, self.key):
                raise MedshiftError("of another training")
        except FileNotFoundError:
            return None
        except Exception as error:  # a file in the cache may hold anything
            why = str(error) if isinstance(error, MedshiftError) else in_one_line(error)
            self.report(f"{self.path} is not used ({why}): training starts over")
            return None
        return state


class _Hashed:
    """A file that is hashed while it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.found = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.found.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()


_CURRENT: ContextVar[StateFile | None] = ContextVar("state of the training under way", default=None)


@contextmanager
def kept_in(file: StateFile) -> Iterator[None]:
    """Keep the state of the stages within the block in a file, and say so if the block is interrupted."""
    token = _CURRENT.set(file)
    try:
        yield
    except KeyboardInterrupt as stop:
        if file.where:
            stop.add_note(f"training is saved at {file.where}")
        raise
    finally:
        _CURRENT.reset(token)


class Stage:
    """One loop of a training. Outside of `source_network` nothing is kept.

    Args:
        network: What is trained.
        device: Where.
        loss: The loss, if it may remember anything; see `can_be_kept`.
    """

    def __init__(self, network: nn.Module, device: torch.device, loss: object = None) -> None:
        self.file, self.device = _CURRENT.get(), device
        self.lasting: dict[str, object] = {"network": network, "loss": loss}
        self.parts: dict[str, object] = {}

    def result(self) -> State | None:
        """Return what `end` was given if the stage was finished before, with the network as it left it; else None."""
        if self.file is None or self.file.kept is None:
            return None
        before = self.file.kept["finished"]
        if len(self.file.finished) >= len(before):
            return None
        state: State = before[len(self.file.finished)]
        _load(self.lasting, state["parts"], self.device)
        self.file.finished.append(state)
        result: State = state["result"]
        return result

    def resume(self, parts: Mapping[str, object]) -> None:
        """Load the state of the parts if it was kept, and say so.

        Args:
            parts: All that the loop changes besides the network and the loss: optimiser, schedule, generators,
                checkpoint policy, position. Each has `state_dict` and `load_state_dict`, or is a generator of torch.
        """
        self.parts = {**self.lasting, **parts}
        if self.file is None:
            return
        self.file.usable &= all(map(can_be_kept, self.parts.values()))
        kept, self.file.kept = self.file.kept, None
        if kept is not None and self.file.usable:
            _load(self.parts, kept["stage"], self.device)
            self.file.report(f"training resumes at {kept['where']}")

    def offer(self, where: str) -> None:
        """Keep the state of the parts, unless that was done moments ago.

        Args:
            where: How far the stage is: `step 1,500 of 3,000`.
        """
        if self.file is not None and self.file.usable and time.monotonic() >= self.file.due:
            self.file.write(where, _states(self.parts, self.device))

    def end(self, result: State) -> None:
        """Remember what the stage leaves, for the state of the stages after it."""
        if self.file is not None:
            left = copy.deepcopy(_states(self.lasting, self.device))
            self.file.finished.append({"parts": left, "result": result})


def can_be_kept(part: object) -> bool:
    """Return whether the state of a loss, policy or other part is known: it tells it, or it can have none.

    Code from elsewhere tells it by `state_dict` and `load_state_dict`; a function without a closure has none.
    """
    if part is None or isinstance(part, torch.Generator) or callable(getattr(part, "state_dict", None)):
        return True
    if isinstance(part, FunctionType):
        return part.__closure__ is None
    return type(part).__module__.startswith("medshift.")


def _states(parts: Mapping[str, object], device: torch.device) -> State:
    """Return the states of parts, and those of torch's global generators, which networks draw from."""
    found: State = {name: _state(part) for name, part in parts.items()}
    generators = [torch.get_rng_state()]
    if device.type == "cuda":
        generators.append(torch.cuda.get_rng_state(device))
    return {**found, "generators": generators}


def _state(part: Any) -> object:  # noqa: ANN401 - of any kind with these methods
    if isinstance(part, torch.Generator):
        return part.get_state()
    return part.state_dict() if hasattr(part, "state_dict") else None


def _load(parts: Mapping[str, Any], states: State, device: torch.device) -> None:
    for name, part in parts.items():
        if isinstance(part, torch.Generator):
            part.set_state(states[name])
        elif hasattr(part, "state_dict"):
            part.load_state_dict(states[name])
    first, *others = states["generators"]
    torch.set_rng_state(first)
    for other in others:
        torch.cuda.set_rng_state(other, device)
