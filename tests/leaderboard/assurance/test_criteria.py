"""Criteria in a file: what they mean, mistakes in one line that names line and key, and their hashes."""

from __future__ import annotations

import pytest

from medshift.leaderboard.assurance.criteria.criterion import claim
from medshift.leaderboard.assurance.criteria.file import read_criteria
from medshift.leaderboard.assurance.criteria.suited import differences, require_suited
from medshift.shifts.errors import MedshiftError

GOOD = """\
[[criteria]]
name = "finds it"
metric = "sensitivity"
class = "class-1"
at_least = 0.85
sites = "every"

[[criteria]]
name = "blur"
metric = "balanced_accuracy"
loses_at_most = 0.05
shift = "psf-blur"
up_to = 1.4  # sd in pixels
"""
HEAD = '[[criteria]]\nname = "a"\n'


def read(tmp_path, text):
    path = tmp_path / "c.toml"
    path.write_text(text)
    return read_criteria(path)


def test_criteria_read_as_sentences(tmp_path):
    assert [criterion.text for criterion in read(tmp_path, GOOD)[0]] == [
        "sensitivity for 'class-1' at least .85 at every site",
        "balanced accuracy loses at most .05 up to psf-blur of 1.4 sd px",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("at_least = 0.85", "at_leest = 0.85", "line 5, at_leest: unknown key. Did you mean 'at_least'"),
        ('"sensitivity"', '"sensitivty"', "line 3, metric: unknown metric 'sensitivty'. Did you mean 'sensitivity'?"),
        ("at_least = 0.85", "at_most = 0.85", "line 5, at_most: high values of sensitivity are good: use at_least"),
        ("at_least = 0.85", "at_least = 85", "line 5, at_least: sensitivity is between 0 and 1, not 85"),
        ("at_least = 0.85", "at_least = nan", "line 5, at_least: must be a number, not nan"),
        ("at_least = 0.85", "at_least = true", "line 5, at_least: must be a number, not True"),
        ("at_least = 0.85", 'at_least = "0.85"', "line 5, at_least: must be a number, not '0.85'"),
        ("at_least = 0.85", "at_least = 0.8\nloses_at_most = 0.1", "line 6, loses_at_most: give one of at_least,"),
        ("at_least = 0.85\n", "", "line 1, criteria: give a limit: one of at_least, at_most, loses_at_most"),
        ('sites = "every"', 'sites = "all"', "line 6, sites: use 'every', 'other' (without the source) or a list"),
        ('sites = "every"', "sites = []", "line 6, sites: the list is empty: name the sites"),
        ('sites = "every"', 'sites = ["b", "b"]', "line 6, sites: 'b' is listed twice"),
        ('sites = "every"', 'sites = ["every"]', "line 6, sites: write sites = 'every', without brackets"),
        ('sites = "every"', "sites = 3", "line 6, sites: use 'every'"),
        ('sites = "every"\n', "", "line 1, criteria: say where: sites = 'every', or shift and up_to"),
        ('sites = "every"', 'sites = "every"\nup_to = 2.0', "line 7, up_to: goes with shift"),
        ('shift = "psf-blur"', 'shift = "psf-blur"\nsites = "other"', "line 12, shift: give sites or shift, not both"),
        ("up_to = 1.4", "up_to_severity = 6", "line 13, up_to_severity: severities are above 0 and at most 5, not 6"),
        ("up_to = 1.4", "up_to = 1.4\nup_to_severity = 3", "line 14, up_to_severity: give up_to in the shift's unit"),
        ("up_to = 1.4  # sd in pixels\n", "", "line 12, shift: say up to where: up_to = 1.4"),
        ('"blur"', '"finds it"', "line 9, name: 'finds it' is the name of an earlier criterion"),
        ('"blur"', '"bl\\u0007ur"', "line 9, name: give each criterion a name of 1 to 200 printable characters"),
        ('name = "blur"\n', "", "line 8, name: give each criterion a name of 1 to 200 printable characters"),
        ('class = "class-1"', 'class = ["class-1"]', "line 4, class: must be text, not a list"),
        ('metric = "balanced_accuracy"', 'metric = "ece"\nclass = "class-1"', "line 11, class: ece is of all classes"),
        ("[[criteria]]\nname", "[criteria]\nname", "line 8: cannot overwrite a value"),
        ("[[criteria]]\nname = \"finds", "[[criterion]]\nname = \"finds", "line 1, criterion: unknown key."),
        ("at_least = 0.85", "at_least = 0.85.1", "line 5: expected newline"),
        ("0.85", "\x00", "line 5: invalid value"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_line_and_key(old, new, said, tmp_path):
    assert old in GOOD
    with pytest.raises(MedshiftError) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    assert str(caught.value).startswith(f"{tmp_path / 'c.toml'}, {said}"), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", ", criteria: write each criterion as a table"),
        (b"criteria = 3", ", line 1, criteria: write each criterion as a table"),
        (b"criteria = [1, 2]", ", line 1, criteria: write each criterion as a table"),
        (b"\xff\xfe\x00", " is not UTF-8 text: write the set of criteria as TOML"),
        (b"#" * (1 << 20) + b"\n", " is larger than 1 MiB: this is not the file of a set of criteria"),
        (b'[[criteria]]\nname = "a"\n' * 300, ", line 1, criteria: 300 criteria; at most 200 are read"),
    ],
)
def test_a_file_that_is_none_says_so(content, said, tmp_path):
    (tmp_path / "c.toml").write_bytes(content)
    with pytest.raises(MedshiftError) as caught:
        read_criteria(tmp_path / "c.toml")
    assert str(caught.value).startswith(f"{tmp_path / 'c.toml'}{said}"), caught.value


def test_layout_comments_and_order_do_not_change_the_hash(tmp_path):
    first, second = GOOD.split("\n\n")
    other = f"# moved\n{second}\n{first}\n".replace("0.85", "8.5e-1").replace("up_to = 1.4", "up_to=1.40")
    assert claim(read(tmp_path, other)[0]).sha256 == claim(read(tmp_path, GOOD)[0]).sha256


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.85", "0.84", "'finds it' was changed"),
        ("1.4", "1.3", "'blur' was changed"),
        ('"every"', '"other"', "'finds it' was changed"),
        ('"blur"', '"blurred"', "'blur' is missing; 'blurred' was added"),
    ],
)
def test_any_change_of_meaning_changes_the_hash_and_is_named(old, new, said, tmp_path):
    before = claim(read(tmp_path, GOOD)[0])
    after = claim(read(tmp_path, GOOD.replace(old, new, 1))[0])
    assert before.sha256 != after.sha256
    assert differences(before, after) == said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"class-1"', '"clas-1"', "line 4, class: no class 'clas-1'. Did you mean 'class-1'"),
        ('sites = "every"', 'sites = ["site-b", "site-d"]', "line 6, sites: no site 'site-d'. Did you mean 'site-"),
        ('"psf-blur"', '"defocus"', "line 12, shift: protocol 'made-up' has no shift 'defocus'."),
        ("1.4", "3.3", "line 13, up_to: 3.3 is off the scale of psf-blur, which is 0.6, 0.9, 1.4, 2.1, 3.2 sd px"),
        ("1.4", "0", "line 13, up_to: 0 is off the scale of psf-blur"),
    ],
)
def test_what_a_protocol_lacks_is_named_with_line_and_key(old, new, said, fabricate, tmp_path):
    protocol = fabricate.terms(fabricate.table())
    require_suited(*read(tmp_path, GOOD), protocol)
    with pytest.raises(MedshiftError) as caught:
        require_suited(*read(tmp_path, GOOD.replace(old, new, 1)), protocol)
    assert str(caught.value).startswith(f"{tmp_path / 'c.toml'}, {said}"), caught.value


@pytest.mark.parametrize("rule", ['at_least = 0.8\nsites = "other"', 'loses_at_most = 0.1\nsites = "every"'])
def test_sites_other_than_the_source_must_exist(rule, fabricate, tmp_path):
    protocol = fabricate.terms(fabricate.table(targets=()), targets=())
    text = HEAD + f'metric = "auroc"\n{rule}\n'
    with pytest.raises(MedshiftError, match=r"line 5, sites: there is no site but 'site-a'"):
        require_suited(*read(tmp_path, text), protocol)
