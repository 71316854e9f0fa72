"""The file of a study: what it means, mistakes in one line that names line and key, and what is stored of a run."""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.boards import SMALL
from hypothesis import given, settings
from hypothesis import strategies as st

from medshift.benchmark.studies import registry, stored
from medshift.benchmark.studies.checks import check
from medshift.benchmark.studies.choosing.choose import Chosen, choose
from medshift.benchmark.studies.choosing.cost import cost
from medshift.benchmark.studies.file import read_study
from medshift.benchmark.studies.stored import StoredStudy, StudyData, StudyRun
from medshift.benchmark.studies.study import Answer, Arm, Axis, Study
from medshift.shifts.errors import MedshiftError


def read(tmp_path, text):
    path = tmp_path / "s.toml"
    path.write_text(text)
    return read_study(path).study


def test_a_file_is_a_question_arms_axes_and_answers(tmp_path):
    assert read(tmp_path, SMALL) == Study(
        name="small",
        question="Does a higher rate do better?",
        claim="A higher rate does better.",
        source="Nobody 2020",
        refuted="It does worse.",
        seeds=2,
        arms={"ours": Arm("cbr-tiny", title="our method")},
        axes=(Axis("rate", (1e-3, 3e-3), setting="lr"),),
        answers=(
            Answer(
                "change",
                "ours",
                "The higher rate changes {metric} by {value} on {dataset}.",
                figure="clean",
                base={"rate": 1e-3},
                least=0.0,
            ),
        ),
    )


WRONG = [
    ('seeds = 2', 'seed = 2', "line 6, seed: unknown key. Did you mean 'seeds'"),
    ('seeds = 2', 'seeds = "2"', "line 6, seeds: input should be a valid integer, not '2'"),
    ('seeds = 2', 'seeds = 0', "line 6, seeds: must be 1 or more, not 0"),
    ('seeds = 2', 'seeds = 2026-01-01', "line 6, seeds: input should be a valid integer, not {'a date': '2026-01-01'}"),
    ('question = ', '#', ": 'question' is missing"),
    ('"cbr-tiny"', '"cbr-tin"', "line 9, baseline: unknown baseline 'cbr-tin'. Did you mean 'cbr-tiny'"),
    ('title = "our', 'titel = "our', "line 10, titel: unknown key. Did you mean 'title'?"),
    ('setting = "lr"', '', "line 12, setting: an axis of kind `setting`, and no other, names a hyper-parameter"),
    ('[1e-3, 3e-3]', '[1e-3, 1e-3]', "line 15, levels: give at least one level, each once"),
    ('[1e-3, 3e-3]', '[1e-3, 3e-3]\nnames = ["low"]', "line 16, names: give one per level, each another"),
    ('[1e-3, 3e-3]', '[]', "line 15, levels: give at least one level, each once"),
    ('[1e-3, 3e-3]', '[nan]', "line 15, levels: "),
    ('"change"', '"chance"', "line 18, measure: input should be 'difference', 'change', 'trend', 'share', 'saved' or"),
    ('of = "ours"', 'of = "theirs"', "line 19, of: no arm 'theirs'. Known: ours."),
    ('base = { rate = 1e-3 }', '', ", answers: 'change' needs 'base'"),
    ('rate = 1e-3 }', 'rate = 7 }', "line 21, rate: 7 is not a level of this axis: 0.001, 0.003"),
    ('rate = 1e-3 }', 'rat = 1e-3 }', "line 21, base: no axis 'rat'. Did you mean 'rate'?"),
    ('least = 0.0', '', "give `least`, `most` or both: the range in which the claim says that the number lies"),
    ('least = 0.0', 'least = inf', "line 22, least: input should be a finite number"),
    ('least = 0.0', 'least = 1\nmost = 0', "line 22, least: must be below `most`"),
    ('[arms.ours]', '[protocol]\nshifts = ["gama"]\n[arms.ours]', "line 9, shifts: unknown shift 'gama'"),
    ('[arms.ours]', 'analysis = "os:system"\n[arms.ours]', "line 8, analysis: a study in a file is answered by its"),
    ('"change"', '"saved"\nover = "rate"\nagainst = "ours"', "line 19, over: labels are saved over an axis of kind"),
    ('seeds = 2', 'seeds = ', "line 6: invalid value"),
    *(('name = "rate"', f'name = "{name}"', f"line 13, name: '{name}' is a column of study.csv: choose another name")
      for name in ("seed", "value", "figure", "low", "high", "limit", "arm", "baseline")),
    ('[[axes]]', '[arms.b]\nbaseline = "scratch"\ntitle = "our method"\n[[axes]]', "line 14, title: arm 'ours' is"),
    ('[[axes]]', '[arms."our method"]\nbaseline = "scratch"\n[[axes]]', "arm 'ours' is called 'our method', too"),
    ('base = { rate = 1e-3 }', 'base = { rate = 3e-3 }', "line 21, base: compares a cell with itself"),
    ('name = "small"', 'name = "/tmp/x"', "line 1, name: invalid study name '/tmp/x': use 1 to 100 letters, digits"),
    ('by {value}', 'by {valu}', "line 23, sentence: nothing stands for {valu}: known are {value}, {dataset}, {metric}"),
    ('"change"', '"difference"\nagainst = "ours"', "line 19, against: compares arm 'ours' with itself: name another"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "said"), WRONG, ids=[f"{new[:30]}-{place}" for place, (_, new, _) in enumerate(WRONG)]
)
def test_a_mistake_is_one_line_with_line_and_key(tmp_path, old, new, said):
    assert old in SMALL
    with pytest.raises(MedshiftError) as raised:
        read(tmp_path, SMALL.replace(old, new, 1))
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("measure", "more", "key"),
    [
        ("change", "base = { rate = 1e-3 }", "rate"),
        ("trend", 'over = "rate"', "over"),
        ("correlation", 'over = "rate"', "over"),
    ],
)
def test_an_answer_over_an_axis_that_its_arm_does_not_have_is_a_mistake(tmp_path, measure, more, key):
    text = SMALL.replace('setting = "lr"', 'setting = "lr"\narms = ["ours"]').replace("base = { rate = 1e-3 }", more)
    text = text.replace("[[axes]]", '[arms.flat]\nbaseline = "scratch"\n\n[[axes]]').replace('"change"', f'"{measure}"')
    read(tmp_path, text)
    with pytest.raises(MedshiftError, match=rf"line 2\d, {key}: arm 'flat' does not have the axis 'rate'$"):
        read(tmp_path, text.replace('of = "ours"', 'of = "flat"'))
    if measure == "trend":  # of a difference: one of the two is enough
        read(tmp_path, text.replace('of = "ours"', 'of = "flat"\nagainst = "ours"'))


@pytest.mark.parametrize("measure", ["trend", "correlation"])
def test_nothing_is_told_over_levels_that_stand_in_one_place(tmp_path, measure):
    text = SMALL.replace("base = { rate = 1e-3 }", 'over = "rate"').replace('"change"', f'"{measure}"')
    apart = text.replace("levels =", 'scale = "linear"\npositions = [5.0, 6.0]\nlevels =')
    read(tmp_path, apart)
    with pytest.raises(
        MedshiftError, match=r"line \d+, over: nothing is told over the axis 'rate': its levels stand in"
    ):
        read(tmp_path, apart.replace("6.0", "5.0"))


@pytest.mark.parametrize("content", [b"\xff", b"name = 1", b"", b"[[arms]]\nx = 1", b"arms = 3", b"axes = [1]"])
def test_what_is_not_a_study_is_told_in_one_line(tmp_path, content):
    (tmp_path / "s.toml").write_bytes(content)
    with pytest.raises(MedshiftError, match=r"^[^\n]*s\.toml[^\n]*$"):
        read_study(tmp_path / "s.toml")


def test_built_in_studies_load_without_torch_and_say_what_they_cost():
    code = (
        "import sys; from medshift.benchmark.studies import registry\n"
        "from medshift.benchmark.studies.choosing import cost\n"
        "for name in registry.BUILTINS: print(name, cost.cost(registry.load_study(name).study).runs)\n"
        "print({'torch', 'timm', 'monai', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines[-1] == "set()"
    assert {line.split()[0] for line in lines[:-1]} == set(registry.BUILTINS)


def test_the_cost_adds_up_cells_seeds_and_steps(tmp_path):
    found = cost(read(tmp_path, SMALL))
    assert (found.runs, found.steps) == (4, 4 * 3000)
    assert found.text.startswith("4 runs, 12,000 steps, roughly 28 min on two cores")
    none = dataclasses.replace(read(tmp_path, SMALL), arms={"ours": Arm("linear-probe", cost=0.0)})
    assert cost(none).steps == 0


def test_the_sizes_in_the_docs_cost_what_stands_there():
    page = (Path(__file__).parents[3] / "docs" / "studies" / "index.md").read_text()
    rows = re.findall(r"^\| `([\w-]+)` \| (nothing|`--[^|]*`) \| (\d+) min \|$", page, re.MULTILINE)
    assert sorted(name for name, _, _ in rows) == sorted(registry.BUILTINS)
    for name, cut, minutes in rows:
        words = iter(shlex.split(cut.strip("`")) if cut != "nothing" else [])
        given = dict(zip(words, words, strict=True))
        axis, _, levels = given.get("--levels", "").partition("=")
        wanted = Chosen(
            seeds=int(given.get("--seeds", "0")),
            budget=given.get("--budget", ""),
            arms=tuple(given["--arms"].split(",")) if "--arms" in given else (),
            levels={axis: tuple(levels.split(","))} if axis else {},
        )
        said = cost(choose(registry.load_study(name).study, wanted)[0])
        assert round(said.seconds / 60) == int(minutes) < 90, name


@pytest.mark.parametrize(
    ("levels", "said"),
    [((0.1, 0.3), "levels rise to 1.0"), ((1.0, 0.1), "levels rise to 1.0"), ((0.1, 1.0), "a figure that rises")],
)
def test_labels_are_saved_where_a_curve_rises_to_all_of_them(levels, said):
    figure = "drop" if levels == (0.1, 1.0) else "clean"
    asked = Answer("saved", "a", "t", figure, "a", over="x", least=0.0)
    arms = {"a": Arm("scratch")}
    check(Study("s", "?", "c", "s", "r", arms, (replace(asked, figure="clean"),), (Axis("x", (0.1, 1), "labels"),)))
    with pytest.raises(MedshiftError, match=said):
        check(Study("s", "?", "c", "s", "r", arms, (asked,), (Axis("x", levels, "labels"),)))


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)


@settings(max_examples=40, deadline=None)
@given(TEXT, TEXT, st.floats(-1e6, 1e6), st.integers(-9, 9), st.lists(TEXT, max_size=3))
def test_what_is_stored_is_read_back(tmp_path_factory, text, other, number, whole, cuts):
    study = Study(
        "s", text, other, text, other,
        arms={"a": Arm("cbr-tiny", {"k": text, "n": number, "i": whole, "b": True}), text or "x": Arm("scratch")},
        axes=(Axis("x", (whole, whole + 1), setting="steps", title=other),),
        answers=(Answer("change", "a", text, base={"x": whole}, most=number),),
    )  # fmt: skip
    noted = StoredStudy(
        study, StudyData(text, True, {"data": other}), text, tuple(cuts), (StudyRun("a", "p", "e", 0, {"x": whole}),)
    )
    folder = tmp_path_factory.mktemp("study")
    stored.write(noted, folder)
    assert stored.read(folder) == noted


def test_a_folder_holds_one_study(tmp_path):
    small = read(tmp_path, SMALL)
    stored.write(StoredStudy(small, StudyData("one"), "x"), tmp_path)
    stored.write(StoredStudy(small, StudyData("one"), "y"), tmp_path)
    with pytest.raises(MedshiftError, match="holds another data set, 'one': choose another --out for 'two'"):
        stored.write(StoredStudy(small, StudyData("two"), "x"), tmp_path)
    other = dataclasses.replace(small, name="other")
    with pytest.raises(MedshiftError, match="holds another study, 'small'"):
        stored.write(StoredStudy(other, StudyData("one"), "x"), tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('arm = "ours"', 'arm = "theirs"', "arm: no arm 'theirs'"),
        ("levels = {rate = 0.001}", "levels = {rate = 9}", "runs: arm 'ours' has no cell with these levels"),
        ("medshift-study/1", "medshift-study/9", "line 1, schema: is 'medshift-study/9', and this version"),
        ('command = "x"', 'command = "x"\nrun = 1', "line 3, run: unknown key. Did you mean 'runs'?"),
        ("seed = 0", 'seed = "0"', "seed: input should be a valid integer"),
    ],
)
def test_a_damaged_folder_is_told_in_one_line(tmp_path, old, new, said):
    small = read(tmp_path, SMALL)
    run = StudyRun("ours", "p", "e", 0, {"rate": 1e-3})
    stored.write(StoredStudy(small, StudyData("one"), "x", runs=(run,)), tmp_path)
    path = tmp_path / stored.STUDY_FILE
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(MedshiftError) as raised:
        stored.read(tmp_path)
    assert said in str(raised.value)
