"""Batches made ahead: in order, a few at a time, and no thread is left behind."""

from __future__ import annotations

import threading
import time
import traceback

import pytest
import torch

from medshift.benchmark.datasets.streaming import ahead
from medshift.benchmark.datasets.streaming.ahead import made_ahead

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 2, 3], ids=["in the loop", "in a thread", "in the loop, all cores in use"], autouse=True)
def threads(request, monkeypatch):
    monkeypatch.setattr(ahead, "cores", lambda: 3)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def left() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "medshift-ahead"]


class Counts:
    """A generator that knows what was made, by which thread, and whether it was closed."""

    def __init__(self, count, fails_at=None):
        self.count, self.fails_at, self.made, self.by, self.closed = count, fails_at, 0, set(), False

    def __call__(self):
        try:
            for number in range(self.count):
                if number == self.fails_at:
                    self.fail(number)
                self.made += 1
                self.by.add(threading.get_ident())
                yield torch.tensor(number)
        finally:
            self.closed = True

    def fail(self, number):
        raise ValueError(f"no number {number}")


def test_items_come_in_order_and_from_one_thread(threads):
    counts = Counts(50)
    with made_ahead(counts(), CPU) as items:
        assert [int(item) for item in items] == list(range(50))
        assert next(items, None) is None
    assert (threading.get_ident() in counts.by, len(counts.by)) == (threads != 2, 1)
    assert counts.closed
    assert not left()


def test_only_a_few_are_made_before_they_are_asked_for(threads):
    counts = Counts(50)
    with made_ahead(counts(), CPU) as items:
        for number in range(5):
            assert int(next(items)) == number
        time.sleep(0.05)
        assert counts.made <= 5 + (ahead.DEPTH if threads == 2 else 0)
    assert counts.closed
    assert not left()


def test_an_error_comes_after_the_items_before_it_with_the_place_where_it_was_raised():
    counts, seen = Counts(50, fails_at=4), []
    with pytest.raises(ValueError, match="no number 4") as error, made_ahead(counts(), CPU) as items:
        seen.extend(int(item) for item in items)
    assert seen == [0, 1, 2, 3]
    assert any(frame.name == "fail" for frame in traceback.extract_tb(error.value.__traceback__))
    assert not left()


@pytest.mark.parametrize("stop", [RuntimeError, KeyboardInterrupt])
def test_a_loop_that_stops_leaves_no_thread_and_an_error_in_it_counts(stop):
    counts = Counts(50, fails_at=2)

    def loop(items):
        next(items)
        time.sleep(0.02)  # meanwhile the generator has failed, further on
        raise stop

    with pytest.raises(stop), made_ahead(counts(), CPU) as items:
        loop(items)
    assert counts.closed
    assert not left()
