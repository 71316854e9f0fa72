"""Thrift's compact protocol: what two readers could interpret differently is refused."""

from __future__ import annotations

import pytest

from medshift.benchmark.files.thrift_compact import I32, I64, STRUCT, Compact, lists, number


def read(*content):
    """Parse bytes as a struct."""
    data = bytes(content)
    return Compact(data, 0, len(data)).struct()


def test_numbers_structures_and_lists_are_read_and_others_passed_by():
    # 1: i32 150, 2: binary "ab", 3: true, 4: a double, 5: a list of two {1: i64 1}
    found = read(0x15, 0xAC, 0x02, 0x18, 2, 97, 98, 0x11, 0x17, *bytes(8), 0x19, 0x2C, 0x16, 2, 0, 0x16, 2, 0, 0)
    assert number(found, 1, I32) == 150
    assert [number(one, 1, I64) for one in lists(found, 5)] == [1, 1]
    assert sorted(found) == [1, 2, 3, 4, 5]
    nested = read(0x1C, 0x15, 2, 0, 0x1B, 1, 0x55, 2, 4, 0)  # 1: {1: i32 1}, 2: a map of integers
    assert nested[1] == (STRUCT, {1: (I32, 1)})
    assert sorted(nested) == [1, 2]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([0x15], "truncated"),
        ([0x15, 2], "truncated"),
        ([0x18, 0xFF, 1, 0], "truncated"),
        ([0x15, 2, 0x05, 2, 2, 0], "repeated field"),  # 1 as a delta, and again 1 in full
        ([0x05, 0x82, 0x80, 0x08, 2, 0], "invalid field id"),  # 65537, of which sixteen bits are 1
        ([0x05, 1, 2, 0], "invalid field id"),
        ([0x15, *[0x80] * 10, 0], "has no end"),
        ([0x1D, 0], "unknown field type"),
        ([0x10, 0], "unknown field type"),
        ([0x1C] * 40, "too deeply"),
        ([0x19, 0x19] * 40, "too deeply|truncated"),
    ],
)
def test_what_has_no_one_meaning_is_refused(content, says):
    with pytest.raises(ValueError, match=says):
        read(*content)


def test_a_field_of_another_kind_is_none():
    found = read(0x16, 2, 0x15, 1, 0x19, 0x18, 0, 0)  # 1: i64 1; 2: i32 -1; 3: a list of one empty binary
    for field, kind in ((1, I32), (2, I32), (9, I64)):
        with pytest.raises(ValueError, match="missing or damaged"):
            number(found, field, kind)
    for field, says in ((3, "another type"), (1, "is missing")):
        with pytest.raises(ValueError, match=says):
            lists(found, field)
