"""Batches made ahead of the network: by one thread, a few at a time, with the same bytes as without it."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ...files.memory import cores

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
DEPTH = 2  # items that are made before they are asked for


@contextmanager
def made_ahead(items: Generator[T, None, None], device: torch.device) -> Iterator[Iterator[T]]:
    """Run a generator in a thread of its own, at most `DEPTH` items ahead of the loop that takes them.

    The generator alone decides what is made and in which order: it must be the only one that draws from its random
    numbers. It is closed, and the thread has ended, when the block is left, by whatever way. What it raises is raised
    in the loop, with its traceback, once the items made before have been taken.

    Where the network computes on all cores that there are, or on a single one, no core is left for the thread: it would
    take turns with the network, whose threads wait for each other at every layer. Items are then made in the loop.

    Args:
        items: Yields tensors, or tuples of them; on CUDA, on `device`.
        device: Where the tensors are used.
    """
    if device.type == "cpu" and not _cores_are_left():
        try:
            yield items
        finally:
            items.close()
        return
    maker = _Maker(items, device)
    try:
        yield maker.items()
    finally:
        maker.stop()


def _cores_are_left() -> bool:
    import torch

    return 1 < torch.get_num_threads() < cores()


@dataclass(frozen=True)
class _Item(Generic[T]):
    """Something made, and the moment at which the device has it."""

    value: T
    ready: Any = None


@dataclass(frozen=True)
class _End:
    """Nothing more comes: the generator has ended, or raised."""

    error: BaseException | None = None


class _Maker(Generic[T]):
    """A thread that runs a generator."""

    def __init__(self, items: Generator[T, None, None], device: torch.device) -> None:
        self.source, self.device = items, device
        self.room = threading.Semaphore(DEPTH)
        self.made: SimpleQueue[_Item[T] | _End] = SimpleQueue()
        self.stopped = False
        self.thread = threading.Thread(target=self._run, name="medshift-ahead", daemon=True)
        self.thread.start()

    def items(self) -> Iterator[T]:
        """Yield what the thread makes, in order; wait for it."""
        while True:
            item = self.made.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            self.room.release()
            if item.ready is not None:
                _hand_over(item.value, item.ready, self.device)
            yield item.value

    def stop(self) -> None:
        """End the thread after the item that it is making, and close the generator."""
        self.stopped = True
        self.room.release()
        self.thread.join()

    def _run(self) -> None:
        end = _End()
        try:
            with _stream(self.device) as stream:
                while self.room.acquire() and not self.stopped:
                    try:
                        value = next(self.source)
                    except StopIteration:
                        break
                    self.made.put(_Item(value, stream and stream.record_event()))
                self.source.close()
        except BaseException as error:  # whatever it is, it belongs to the loop
            end = _End(error)
        self.made.put(end)


def _stream(device: torch.device) -> Any:  # noqa: ANN401  # torch's own context has no common type
    """Give the thread a CUDA stream of its own, so that copies do not wait for the network; none elsewhere."""
    if device.type != "cuda":
        return nullcontext()
    import torch

    return _entered(torch.cuda.Stream(device))  # type: ignore[no-untyped-call]


@contextmanager
def _entered(stream: torch.cuda.Stream) -> Iterator[torch.cuda.Stream]:
    import torch

    with torch.cuda.stream(stream):
        yield stream


def _hand_over(value: object, ready: Any, device: torch.device) -> None:  # noqa: ANN401
    """Let the network's stream wait for tensors of another, and keep their memory until it has used them."""
    import torch

    stream = torch.cuda.current_stream(device)
    stream.wait_event(ready)
    for tensor in value if isinstance(value, tuple) else (value,):
        if isinstance(tensor, torch.Tensor) and tensor.is_cuda:
            tensor.record_stream(stream)
