"""Numbers and dates are read as hospitals' tables write them."""

from __future__ import annotations

import pandas as pd
import pytest
from helpers.images.made_up_data import data

from medshift.benchmark.audit.confounding.columns import columns, unexamined
from medshift.benchmark.audit.confounding.written import as_dates, as_numbers


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (lambda i: f"{20 + i % 60:03d}Y", "extra"),  # as DICOM writes ages
        (lambda i: f"{20 + i % 60:03d}{'YM'[i % 2]}", "extra"),
        (lambda i: f"{18 + i % 50 / 10:.1f}".replace(".", ",").removesuffix(",0"), "extra"),  # 24 for 24,0
        (lambda i: f"{18 + i % 50 / 10:.1f}".replace(".", ","), "extra"),
        (lambda i: f"{900 + 7 * i:,}", "extra"),
        (lambda i: f"{1 + i % 28}.{1 + i % 12}.{2017 + i % 4}", "extra (month)"),
        (lambda i: f"{1 + i % 12:02d}/{1 + i % 28:02d}/{2017 + i % 4}", "extra (month)"),
        (lambda i: f"{1 + i % 28:02d}/{1 + i % 12:02d}/{2017 + i % 4}", "extra (month)"),
        (lambda i: f"2017-{1 + i % 12:02d}-{1 + i % 28:02d}T09:30:00", "extra (month)"),
    ],
)
def test_numbers_and_dates_are_read_as_tables_write_them(written, name):
    table = data().table
    found = {each.name: each for each in columns(table.assign(extra=[written(i) for i in range(len(table))]))}
    assert set(found) == {name}
    assert found[name].numeric == (name == "extra")
    assert unexamined(table.assign(extra=[written(i) for i in range(len(table))])) == []


def test_ages_are_compared_in_years_and_thousands_with_what_has_none():
    assert as_numbers(pd.Series(["018M", "063Y", "730D", "24,5", "7", "x", ""])).round(1).tolist()[:5] == [
        1.5, 63, 2, 24.5, 7
    ]  # fmt: skip
    assert as_numbers(pd.Series(["1,250", "999"])).tolist() == [1250, 999]
    assert as_dates(pd.Series(["24/3/2019", "4/3/2019", "31.2.2019", "13.13.2019", "soon"])).tolist() == [
        "2019-03-24", "2019-03-04", "2019-02-31", "", ""
    ]  # fmt: skip
