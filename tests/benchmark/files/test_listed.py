"""Names that hold commas are typed, pasted and found again; folders differ where disks ignore case."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medshift.benchmark.files.listed import pasted, pick
from medshift.benchmark.files.names import folder_name
from medshift.shifts.errors import MedshiftError

SITES = ("St. Anna, Wien", "Graz", 'the "old" ward')


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        (("St. Anna, Wien",), ("St. Anna, Wien",)),
        (('"St. Anna, Wien",Graz',), ("St. Anna, Wien", "Graz")),
        (('Graz, "St. Anna, Wien"',), ("Graz", "St. Anna, Wien")),
        (("Graz", "St. Anna, Wien"), ("Graz", "St. Anna, Wien")),
        (("Graz,Graz",), ("Graz",)),
        ((), ()),
    ],
)
def test_names_with_commas_are_found_as_typed_quoted_or_repeated(typed, found):
    assert pick(typed, SITES, "domain") == found


def test_a_name_that_is_not_there_is_answered_with_near_ones():
    with pytest.raises(MedshiftError, match=r"unknown domain 'Gratz'\. Did you mean 'Graz'"):
        pick(("Gratz",), SITES, "domain")


@pytest.mark.parametrize("typed", ["", ",", " , "])
def test_what_names_nothing_does_not_mean_all(typed):
    with pytest.raises(MedshiftError, match="names no domain: leave it out for all"):
        pick((typed,), SITES, "domain")


@given(st.lists(st.text("ab ,\"'$\\é", min_size=1).map(str.strip).filter(bool), min_size=1, unique=True))
def test_what_is_written_to_be_pasted_is_read_again(names):
    (argument,) = shlex.split(pasted(names))
    assert pick((argument,), names, "domain") == tuple(names)


def test_names_that_differ_in_case_only_have_folders_that_differ_in_more():
    names = ("Site-A", "site-a", "B")
    folders = [folder_name(name, names) for name in names]
    assert len({folder.casefold() for folder in folders}) == 3
    assert folders[2] == "B"
    assert folder_name("Site-A", ("Site-A", "B")) == "Site-A"
