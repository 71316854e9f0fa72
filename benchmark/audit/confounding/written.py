"""Numbers and dates as tables write them: DICOM's ages, decimal commas, days or months or years first."""

from __future__ import annotations

import re

import pandas as pd

AGE = re.compile(r"(\d{3})([DWMY])")  # DICOM's PatientAge
YEARS = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}
COMMA = re.compile(r"[+-]?\d+,\d+")
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
YEAR_FIRST = r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:\D.*)?"
YEAR_LAST = r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?:\D.*)?"


def as_numbers(text: pd.Series[str]) -> pd.Series[float]:
    """Read numbers, NaN for all else: `24.5`, `24,5`, and ages such as `063Y` or `018M` in years.

    One comma is a decimal comma, unless exactly three digits follow it wherever there is one (`1,250`).
    """
    with_comma = text[text.str.fullmatch(COMMA)]
    thousands = len(with_comma) > 0 and bool(with_comma.str.fullmatch(THOUSANDS).all())
    plain = text.where(~text.str.fullmatch(COMMA), text.str.replace(",", "" if thousands else ".", regex=False))
    parts = text.str.extract(f"^{AGE.pattern}$")
    ages = parts[0].astype(float) * parts[1].map(YEARS)
    return pd.to_numeric(plain, errors="coerce").astype(float).fillna(ages)


def as_dates(text: pd.Series[str]) -> pd.Series[str]:
    """Write dates as `2019-03-24`, and all else as empty: `2019-03-24`, `24.3.2019`, `3/24/2019` and `24/3/2019`.

    With dots the day comes first. With slashes or hyphens the month does, unless some date has a first number above 12.
    """
    first = text.str.extract(f"^{YEAR_FIRST}$")
    last = text.str.extract(f"^{YEAR_LAST}$")
    one, other = (last[part].astype(float) for part in (0, 2))
    day_first = (last[1] == ".") | bool((one[last[1] != "."] > 12).any())
    month, day = other.where(day_first, one), one.where(day_first, other)
    year = first[0].fillna(last[3]).astype(float)
    month, day = first[2].astype(float).fillna(month), first[3].astype(float).fillna(day)
    real = month.between(1, 12) & day.between(1, 31)
    return pd.Series(
        [
            f"{y:04.0f}-{m:02.0f}-{d:02.0f}" if known else ""
            for y, m, d, known in zip(year, month, day, real, strict=True)
        ],
        index=text.index,
        dtype=object,
    )
