"""What is chosen for a run of a study: what it changes, what is said of it, and what is refused."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers.boards import SMALL

from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.protocols.choices import Choices
from medshift.benchmark.runs.sweeps import options
from medshift.benchmark.runs.terms import DataChoice
from medshift.benchmark.studies import registry, variants
from medshift.benchmark.studies.choosing.answerable import OTHER_FIRST
from medshift.benchmark.studies.choosing.choose import Chosen, choose, reached
from medshift.benchmark.studies.file import read_study
from medshift.benchmark.studies.study import Answer, Arm, Axis
from medshift.shifts.errors import MedshiftError


def read(tmp_path, text):
    path = tmp_path / "s.toml"
    path.write_text(text)
    return read_study(path).study


@pytest.mark.parametrize(
    ("chosen", "left", "cuts"),
    [
        (Chosen(), (2, (1e-3, 3e-3)), []),
        (Chosen(seeds=1), (1, (1e-3, 3e-3)), ["1 seed instead of 2"]),
        (Chosen(seeds=5), (5, (1e-3, 3e-3)), []),
        (Chosen(settings={"steps": "4"}), (2, (1e-3, 3e-3)), ["steps is 4 in all arms that have it"]),
        (Chosen(budget="short"), (2, (1e-3, 3e-3)), ["budget is short in all arms that have it"]),
        (Chosen(budget="standard", settings={"batch_size": "32.0"}), (2, (1e-3, 3e-3)), []),  # as it is defined
        (Chosen(levels={"rate": ("1e-3", "0.0030")}), (2, (1e-3, 3e-3)), []),
        (Chosen(choices=Choices(severities=(3,))), (2, (1e-3, 3e-3)), ["severities: only 3"]),
    ],
)
def test_what_is_cut_is_said(tmp_path, chosen, left, cuts):
    study, _, told = choose(read(tmp_path, SMALL), chosen)
    assert ((study.seeds, study.axes[0].levels), told) == (left, cuts)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (
            Chosen(levels={"rate": ("0.001",)}),
            "no question is left: its first answer needs arm ours, rate=0.003, rate=0.001",
        ),
        (Chosen(levels={"rate": ("7",)}), "--levels rate: '7' is not among 0.001, 0.003"),
        (Chosen(levels={"rat": ("7",)}), "--levels: study 'small' has no axis 'rat'. Did you mean 'rate'?"),
        (Chosen(arms=("theirs",)), "--arms: study 'small' has no arm 'theirs'. Known: ours."),
        (
            Chosen(budget="short", settings={"budget": "long"}),
            "--budget short and --set budget=long both choose the length of training: give one",
        ),
        (
            Chosen(budget="short", settings={"steps": "2"}),
            "budget short: all arms have `steps`, which go before a budget",
        ),
        (Chosen(settings={"lr": "1"}), "--set lr: the study varies it; choose with --levels rate=..."),
        (Chosen(settings={"stepps": "1"}), "--set stepps: no arm of study 'small' has it. Did you mean 'steps'"),
    ],
)
def test_a_choice_that_leaves_no_study_is_refused(tmp_path, chosen, said):
    study = read(tmp_path, SMALL)
    if "0.001" in chosen.levels.get("rate", ()):
        study = dataclasses.replace(study, answers=(dataclasses.replace(study.answers[0], at={"rate": 3e-3}),))
    with pytest.raises(MedshiftError) as raised:
        choose(study, chosen)
    assert said in str(raised.value)


def test_arms_whose_steps_are_set_keep_them_against_a_budget(tmp_path):
    study = read(tmp_path, SMALL)
    study = replace(study, arms={**study.arms, "brief": Arm("scratch", {"steps": 2})})
    made, _, told = choose(study, Chosen(budget="short"))
    assert [dict(arm.settings) for arm in made.arms.values()] == [{"budget": "short"}, {"steps": 2}]
    assert told == ["budget is short in all arms that have it, but for brief, as steps go before a budget"]


OWN = {"data": "tiny", "modality": "mr", "image-size": 16, "severities": (1, 3), "adapt": False}
ALL = (1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("chosen", "made", "told"),
    [
        (Chosen(), OWN, []),
        (Chosen(typed=frozenset({"severities"})), {**OWN, "severities": ALL}, ["severities: 1, 2, 3, 4, 5"]),
        (Chosen(typed=frozenset({"adapt"})), {**OWN, "adapt": True}, ["adapt: yes"]),
        (Chosen(choices=Choices(severities=(3,))), {**OWN, "severities": (3,)}, ["severities: only 3"]),
        (Chosen(DataChoice(folder=Path("other"))), {**OWN, "data": "other"}, []),
        (Chosen(DataChoice(options=Options(modality="ct"))), {**OWN, "modality": "ct"}, []),
        (Chosen(typed=frozenset({"modality"})), {**OWN, "modality": "any"}, []),
        (
            Chosen(DataChoice("stored")),
            {"dataset": "stored", "severities": (1, 3), "adapt": False},
            ["stored has been read already: not --modality mr --image-size 16"],
        ),
        (
            Chosen(protocol=Path("p")),
            {"data": "tiny", "protocol": "p"},
            ["protocol p instead of the study's own (severities: 1, 3; adapt: no)"],
        ),
    ],
)
def test_what_is_chosen_goes_before_the_study_s_own_field_by_field(tmp_path, chosen, made, told):
    study = replace(read(tmp_path, SMALL), protocol=OWN)
    _, choice, found = choose(study, chosen)
    assert choice == options.read({key: list(each) if isinstance(each, tuple) else each for key, each in made.items()})
    assert found == told


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (Chosen(DataChoice(options=Options(modality="mr"))), "--modality mr: how images are read goes with --data DIR"),
        (Chosen(typed=frozenset({"fit"})), "--fit: how images are read goes with --data DIR"),
        (Chosen(protocol=Path("p"), typed=frozenset({"adapt"})), "--protocol sets domains, classes, image size and"),
    ],
)
def test_options_that_would_do_nothing_are_refused(tmp_path, chosen, said):
    with pytest.raises(MedshiftError, match=said):
        choose(read(tmp_path, SMALL), chosen)


def test_without_all_labels_nothing_is_said_of_those_saved():
    labels = registry.load_study("labels").study
    study, _, cuts = choose(labels, Chosen(levels={"labels": ("0.05", "0.3")}))
    assert {answer.measure for answer in study.answers} == {"difference"}
    assert cuts == [
        "labels is only 0.05, 0.3, of 0.05, 0.1, 0.3, 1.0 (answers about the last level are about 0.3)",
        "6 answers left out, as their runs are",
        OTHER_FIRST,
    ]


def test_an_answer_that_would_compare_a_cell_with_itself_is_left_out():
    whole = registry.load_study("transfer").study
    study, _, cuts = choose(whole, Chosen(levels={"budget": ("short", "standard")}))
    assert [answer.measure for answer in whole.answers] == [*(["difference"] * 5), "change"]
    assert [answer.measure for answer in study.answers] == ["difference"] * 5  # of two equal cells nothing can change
    assert cuts[-1] == "1 answer left out, as its runs are"


def test_levels_with_names_are_called_by_them_when_some_are_left_out():
    study, _, cuts = choose(registry.load_study("depth").study, Chosen(levels={"layers": ("none", "2", "-1")}))
    assert [study.axes[0].level_name(level) for level in study.axes[0].levels] == ["none", "2", "all"]
    assert cuts == ["layers is only none, 2, all, of none, 1, 2, 3, 5, 7, all"]


def test_answers_that_the_data_leave_out_are_said(tmp_path):
    small = read(tmp_path, SMALL)
    other = replace(small.answers[0], at={"rate": 3e-3})
    study = replace(small, answers=(other, small.answers[0]), axes=(replace(small.axes[0], levels=(1e-3, 2e-3, 3e-3)),))
    made, cuts = reached(study, {"rate": (1e-3, 2e-3)})
    assert made.answers == (small.answers[0],)
    assert cuts[1:] == ["1 answer left out, as its runs are", OTHER_FIRST]
    with pytest.raises(MedshiftError, match="no question is left"):
        reached(replace(study, answers=(other,)), {"rate": (1e-3, 2e-3)})


def test_a_budget_reaches_the_arms_outside_an_axis_of_budgets(tmp_path):
    varied = Axis("budget", ("short", "standard"), setting="budget", arms=("ours",))
    answer = Answer("difference", "ours", "t", against="other", least=0.0)
    study = replace(read(tmp_path, SMALL), axes=(varied,), answers=(answer,))
    study = replace(study, arms={**study.arms, "other": Arm("scratch")})
    made, _, told = choose(study, Chosen(budget="short"))
    assert made.axes[0].levels == ("short",)
    assert [dict(arm.settings) for arm in made.arms.values()] == [{}, {"budget": "short"}]
    assert told[-1] == "budget is short in all arms that have it, but for ours, in which the study varies it"
    made, _, _ = choose(study, Chosen(settings={"budget": "long"}))
    assert [dict(arm.settings) for arm in made.arms.values()] == [{}, {"budget": "long"}]
    whole = replace(study, axes=(replace(varied, arms=()),))
    assert [dict(arm.settings) for arm in choose(whole, Chosen(budget="short"))[0].arms.values()] == [{}, {}]
    with pytest.raises(MedshiftError, match="--set budget: the study varies it; choose with --levels budget="):
        choose(whole, Chosen(settings={"budget": "long"}))


def test_trends_over_fewer_levels_are_said_to_be_over_these():
    study = registry.load_study("confounding").study
    _, _, told = choose(study, Chosen(levels={"confounding": ("0.0", "0.25")}))
    assert told == [
        "confounding is only 0.0, 0.25, of 0.0, 0.25, 0.5, 0.75, 1.0 (answers about the last level are about 0.25; "
        "trends are over these levels)"
    ]
    # two levels that lie .25 apart give a slope of four times what was measured
    assert all("er unit" in answer.sentence for answer in study.answers)


def test_sentences_about_saved_labels_hold_where_none_are_saved():
    answers = [answer for answer in registry.load_study("labels").study.answers if answer.measure == "saved"]
    assert "labelled patients" in answers[0].sentence  # whole ones are kept, and they are what is counted
    assert not any("as good as" in answer.sentence for answer in answers)


def test_an_axis_without_a_second_site_is_told(tmp_path, monkeypatch):
    study = registry.load_study("confounding").study
    alone = (SimpleNamespace(name="set"), "site-a", SimpleNamespace(targets=()))
    monkeypatch.setattr(variants, "_loaded", lambda choice, bar: alone)
    with pytest.raises(MedshiftError, match=r"'confounding' needs a second site, .* and 'set' has one site"):
        variants.variants(study, options.read({}), tmp_path)
