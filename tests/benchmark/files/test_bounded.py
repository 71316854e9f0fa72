"""Readers of untrusted files run in a child that the system bounds: what takes too much is one line."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest

from medshift.benchmark.files.bounded import child
from medshift.benchmark.files.bounded.child import ReadingError, Refused, call, each
from medshift.benchmark.files.bounded.json_text import read_json
from medshift.benchmark.files.bounded.limits import MIB, Limits
from medshift.shifts.errors import MedshiftError

SMALL = Limits(memory=64 * MIB, seconds=1, output=MIB)


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("bytes(1 << 30)", "memory", "needs more than 67 MB of memory to read"),
        ("__import__('numpy').ones(1 << 28).sum()", "memory", "needs more than 67 MB of memory to read"),
        ("'x' * (2 << 20)", "output", "needs more than 1.0 MB of memory to read"),
        ("__import__('numpy').zeros(3 << 20, 'uint8')", "output", "needs more than 1.0 MB of memory to read"),
        ("sum(1 for _ in iter(int, 1))", "time", "takes more than 1 s to read"),
        ("__import__('os').abort()", "crash", "crashes its reader"),
        ("__import__('os')._exit(0)", "crash", "crashes its reader"),
        ("__import__('os').kill(__import__('os').getpid(), 11)", "crash", "crashes its reader"),
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("(lambda f: f(f))(lambda f: f(f))", "RecursionError", "maximum recursion depth"),
        ("__import__('builtins').exec('raise ValueError(\"a\\x1b[2J\\u202e\\\\nb\")')", "ValueError", "a?[2J?"),
        (
            "__import__('builtins').exec('raise OSError(\"all failed:\\\\n  gdcm: no\\\\n\\\\n  pillow: none\")')",
            "OSError",
            "all failed: gdcm: no; pillow: none",
        ),
    ],
)
def test_what_exceeds_a_limit_or_crashes_is_one_line_and_the_next_file_is_read(code, kind, says):
    with pytest.raises(ReadingError) as error:
        call(eval, code, SMALL)
    assert error.value.kind == kind
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)
    assert call(len, "abc", SMALL) == 3


def test_of_many_files_only_those_that_fail_are_lost():
    found = list(each(eval, ["1", "__import__('os').abort()", "3", "bytes(1 << 30)", "5"], SMALL))
    assert [found[0], found[2], found[4]] == [1, 3, 5]
    assert [found[1].kind, found[3].kind] == ["crash", "memory"]


def test_a_child_serves_many_files_and_one_that_is_given_up_half_way_is_replaced():
    first = call(eval, "__import__('os').getpid()", SMALL)
    assert first != os.getpid()
    assert call(eval, "__import__('os').getpid()", SMALL) == first
    for _ in each(eval, ["1", "2", "3"], SMALL):
        break
    assert call(len, "ab", SMALL) == 2


def test_a_reader_that_sleeps_is_ended(monkeypatch):
    monkeypatch.setattr("medshift.benchmark.files.bounded.limits.WAIT", 0.2)
    monkeypatch.setattr("medshift.benchmark.files.bounded.limits.WAIT_FACTOR", 0)
    begin = time.perf_counter()
    with pytest.raises(ReadingError) as error:
        call(time.sleep, 60, SMALL)
    assert error.value.kind == "time"
    assert time.perf_counter() - begin < 30


def test_arrays_and_nested_values_come_back_as_they_were():
    array = "__import__('numpy').arange(6, dtype='float32').reshape(2, 3)"
    found = call(eval, f"{{'a': [{array}, None, True], 'b': ('x', 1.5, '\\ud800')}}", SMALL)
    assert found["a"][0].dtype == np.float32
    assert found["a"][0].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (found["a"][1:], found["b"]) == ([None, True], ["x", 1.5, "\ud800"])


def test_a_reader_writes_no_file_and_gets_no_secret(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "s3cret")
    child.stop_all()
    assert call(eval, "__import__('os').environ.get('MY_TOKEN')", SMALL) is None
    code = f"__import__('pathlib').Path({str(tmp_path / 'x')!r}).write_bytes(b'x' * 10)"
    with pytest.raises(ReadingError):
        call(eval, code, SMALL)
    child.stop_all()


def test_objects_of_numpy_that_hold_code_are_not_handed_over():
    with pytest.raises(ReadingError, match="not handed over"):
        call(eval, "__import__('numpy').array([print], dtype=object)", SMALL)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'{"a": 1, "a": 2}', "names 'a' twice"),
        (b'{"a": 1, "\\u0061": 2}', "names 'a' twice"),
        (b'{"x": {"b": 1, "b": 1}}', "names 'b' twice"),
        (b'{"a": "\\u202e"}', "a: holds U+202E"),
        (b'{"a\\u200b": 1}', "holds U+200B"),
        (b'{"a": "\\ud800"}', "a: holds U+D800"),
        (b'{"a": "x\\u001b[2J"}', "a: holds U+001B"),
        (b"[" * 50 + b"]" * 50, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
        (b'\xef\xbb\xbf{"a": 1}', "is not JSON"),
        (b'{"a": "\xff"}', "is not UTF-8"),
        (b"{}{}", "is not JSON"),
        (b"", "is not JSON"),
        (b'{"n": ' + b"9" * 5000 + b"}", "is not JSON"),
    ],
)
def test_json_has_one_meaning_and_printable_text(tmp_path, content, says):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(MedshiftError) as error:
        read_json(tmp_path / "x.json", 1 << 20)
    assert says in str(error.value)
    assert str(error.value).isprintable()


def test_json_of_right_text_comes_back_to_the_letter(tmp_path):
    text = '{\n "a": "Universitätsklinikum Köln, 東京, β-blocker\\nsecond line",\n "b": [1e-5, null, {"c": true}]\n}\n'
    (tmp_path / "x.json").write_text(text, encoding="utf-8")
    assert read_json(tmp_path / "x.json", 1 << 20) == text


def test_a_refusal_in_words_stays_in_words():
    code = "__import__('builtins').exec('from medshift.shifts.errors import MedshiftError as E; raise E(\"for you\")')"
    with pytest.raises(Refused, match=r"^for you$"):
        call(eval, code, SMALL)


def test_a_child_that_has_grown_is_replaced_between_files_and_costs_none():
    large = Limits(memory=1024 * MIB, seconds=10, output=MIB)
    grow = "globals().setdefault('kept', []).append(bytearray(300 << 20)) or __import__('os').getpid()"
    pids = [call(eval, "__import__('builtins').exec('import builtins') or " + grow, large) for _ in range(2)]
    assert len(pids) == 2
    assert all(isinstance(pid, int) for pid in pids)
    assert call(len, "ab", SMALL) == 2
