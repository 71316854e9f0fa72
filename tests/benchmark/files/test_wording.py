"""Counts, shares and sizes in messages."""

from __future__ import annotations

import pytest

from medshift.benchmark.files.wording import byte_size, percent, plural


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (plural(1, "image"), "1 image"),
        (plural(0, "image"), "0 images"),
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
