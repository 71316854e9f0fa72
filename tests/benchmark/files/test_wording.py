"""Counts, shares and sizes in messages."""

from __future__ import annotations

import pytest

from medshift.benchmark.files.wording import byte_size, one_line, percent, plural


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (plural(1, "image"), "1 image"),
        (plural(0, "image"), "0 images"),
        (plural(1, "study"), "1 study"),
        (plural(2, "study"), "2 studies"),
        (plural(2, "array"), "2 arrays"),
        (plural(1234, "image"), "1,234 images"),
        (percent(0.394), "39 %"),
        (percent(0.004), "less than 1 %"),
        (byte_size(0), "0 kB"),
        (byte_size(65_536), "66 kB"),
        (byte_size(1_840_000), "1.8 MB"),
        (byte_size(512_000_000_000), "512 GB"),
    ],
)
def test_amounts_are_rounded_to_what_a_reader_needs(made, text):
    assert made == text


@pytest.mark.parametrize(
    ("message", "line"),
    [("", ""), ("a\nb", "a"), ("\n tried: \n  x: 1\n\n  y: 2\n", "tried: x: 1; y: 2"), ("tried:", "tried:")],
)
def test_a_message_becomes_its_first_line_and_what_a_colon_announces(message, line):
    assert one_line(message) == line
