"""The process of a method: it waits for what it is asked, and answers. The run holds the labels, scores and writes."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from ....shifts.errors import MachineError, MedshiftError, in_one_line
from ...datasets.images import to_device
from ...protocols.condition import Condition
from .. import registry
from ..predictor import Predictor, Unfit, as_answer, for_condition, fresh_copy, require_predictor
from .described import described
from .granting import Told, unpacked
from .wire import Message, Wire, any_arrays

if TYPE_CHECKING:
    from ..access import Access

Prepare: TypeAlias = Callable[[str, int, Any], torch.device]


class Served:
    """A method and its state.

    Args:
        wire: Where requests come from and answers go.
        prepare: Called with device, threads and precision before anything is computed.
    """

    def __init__(self, wire: Wire, prepare: Prepare) -> None:
        self.wire, self.prepare = wire, prepare
        self.device, self.classes = torch.device("cpu"), 0
        self.access: Access | None = None
        self.predictor: Predictor | None = None
        self.fresh: Predictor | None = None

    def answer(self, message: Message) -> None:
        """Do what is asked, and answer."""
        asked: dict[str, Callable[[Message], None]] = {
            "describe": self._describe,
            "begin": self._begin,
            "grant": self._grant,
            "fit": self._fit,
            "save": self._save,
            "load": self._load,
            "copy": self._copy,
            "leaving out": self._leave_out,
            "batch": self._batch,
        }
        asked[message.kind](message)

    def _describe(self, message: Message) -> None:
        name, settings, dims = (message.fields[key] for key in ("name", "settings", "dims"))
        kind = registry.load_baseline(name)
        made = kind(**message.fields["config"]) if settings is None else registry.make_baseline(name, settings)
        made = registry.for_dims(made, dims) if dims else made
        self.wire.send("described", told=asdict(described(kind, made)))

    def _begin(self, message: Message) -> None:
        fields = message.fields
        self.device = self.prepare(fields["device"], fields["threads"], fields["precision"])
        self.classes = fields["classes"]
        self.wire.send("begun")

    def _grant(self, message: Message) -> None:
        told = Told(
            report=lambda line: self.wire.send("line", text=str(line)),
            trained=lambda record: self.wire.send("trained", record=asdict(record)),
            starts_from=lambda record: self.wire.send("starts from", record=asdict(record)),
        )
        self.access = unpacked(message.fields["access"], message.arrays, told)
        self.wire.send("granted")

    def _fit(self, message: Message) -> None:
        assert self.access is not None
        self.fresh = self.predictor = None
        kind = registry.load_baseline(message.fields["name"])
        try:
            baseline = kind(**message.fields["settings"])
        except ValueError as error:  # what stands for it where a search draws cannot refuse
            raise MedshiftError(f"the baseline refuses its settings: {in_one_line(error)}") from error
        self.predictor = require_predictor(baseline.fit(self.access), message.fields["name"])
        self.wire.send("fitted")

    def _save(self, message: Message) -> None:
        """Hand over the predictor as it is before it has seen a test image; some cannot be saved."""
        try:
            saved = pickle.dumps(self.predictor)
        except Exception:  # open files, closures, whatever a method may hold
            self.wire.send("saved")
        else:
            self.wire.send("saved", [np.frombuffer(saved, dtype=np.uint8)])

    def _load(self, message: Message) -> None:
        registry.load_baseline(message.fields["name"])  # its module may be in the working folder only
        try:
            self.predictor = pickle.loads(message.arrays[0].tobytes())  # of this very method
        except Exception:  # what is saved need not be loadable
            self.wire.send("not loaded")
        else:
            self.wire.send("loaded")

    def _copy(self, message: Message) -> None:
        assert self.predictor is not None
        self.fresh = None  # the copy before is not needed: memory for one is enough
        self.fresh = fresh_copy(self.predictor)
        self.wire.send("copied", leaves_out=hasattr(self.fresh, "leaving_out"))

    def _leave_out(self, message: Message) -> None:
        assert self.fresh is not None
        self.fresh = for_condition(self.fresh, Condition("", "synthesized", family=message.fields["family"]))
        self.wire.send("copied", leaves_out=False)

    def _batch(self, message: Message) -> None:
        assert self.fresh is not None
        shape, strides = message.fields["shape"], message.fields["strides"]
        # a clone lies as torch aligns it, as in one process: what a network computes may depend on it in the last bits
        images = torch.as_strided(torch.from_numpy(message.arrays[0]).clone(), shape, strides)
        found = as_answer(self.fresh(to_device(images, self.device)), len(images), self.classes)
        if isinstance(found, Unfit):
            self.wire.send("unfit", text=found.text)
        else:
            self.wire.send("answer", [found])


class _Requests:
    """Reads requests in a thread of its own, so that the end of the run is noticed in the middle of a training."""

    def __init__(self, wire: Wire) -> None:
        self.wire, self.busy = wire, False
        self.waiting: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="medshift-requests", daemon=True).start()

    def next(self) -> Message | None:
        """Wait for the next request; None at the end."""
        self.busy = False
        message = self.waiting.get()
        self.busy = message is not None
        return message

    def _read(self) -> None:
        message: Message | None = Message("")
        while message is not None:
            try:
                message = self.wire.receive(any_arrays)
            except Exception:  # the run has ended in the middle of a message
                message = None
            self.waiting.put(message)
        if self.busy:
            os.kill(os.getpid(), signal.SIGTERM)


def serve(wire: Wire, prepare: Prepare, explain: Callable[[BaseException], str | None]) -> None:
    """Answer requests until the run has no more.

    Args:
        wire: Where they come from.
        prepare: As of `Served`.
        explain: Says in one line what is not the method's fault, such as a lack of memory; None for what is.
    """
    served, requests = Served(wire, prepare), _Requests(wire)
    try:
        while (message := requests.next()) is not None:
            try:
                served.answer(message)
            except MedshiftError as error:
                wire.send("error", line=str(error), machine=isinstance(error, MachineError))
            except Exception as error:  # a method may raise anything
                line = explain(error)
                if line is None:
                    wire.send("failed", traceback="".join(traceback.format_exception(error)))
                else:
                    wire.send("error", line=line)
            del message  # its arrays
    except KeyboardInterrupt as stop:
        with suppress(ValueError):  # the run answers by stopping this process, which is ending already
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with suppress(OSError):  # the run may have gone, and nobody is left to be told
            number = int(getattr(stop, "number", signal.SIGINT))
            wire.send("stopped", notes=list(getattr(stop, "__notes__", [])), number=number)
