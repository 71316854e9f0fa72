"""The register of what was run again: strict, and void for anything but the entry as it stands."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.files.atomic import sha256
from medshift.benchmark.runs.verification import recording
from medshift.benchmark.runs.verification import verify as runs
from medshift.benchmark.runs.verification.recording import next_to_verify, register_run, register_try
from medshift.benchmark.runs.verification.verify import Outcome
from medshift.benchmark.submissions import register
from medshift.leaderboard.report.badge import badge
from medshift.leaderboard.report.markdown import markdown
from medshift.leaderboard.report.page import page
from medshift.leaderboard.report.site.index import index_page
from medshift.leaderboard.review import review
from medshift.leaderboard.review.changes import of_folders
from medshift.shifts.errors import MedshiftError


def names(rows):
    return sorted(row.name for row in rows)


def test_only_what_was_run_again_is_ranked_and_the_rest_keeps_its_figures(board):
    root, seeds, log, ranked = board
    before = {row.name: row.aggregates.values.tobytes() for row in ranked().rows}
    assert names(ranked().claimed) == []  # without a register, everything is ranked
    register.write_register(register.Register(), root)
    assert names(ranked().claimed) == ["one", "three", "two"]
    assert "0 verified" in badge([ranked()])
    for name in ("one", "two"):
        register_run(seeds[name], Outcome("bytes", 0.0, [], "cpu"), "apart", log)
    made = ranked()
    assert names(made.claimed) == ["three"]
    (peers,) = made.by_sees().values()
    assert [row.rank for row in peers] in ([1, 2], [1, 1])
    (claimed,) = made.claimed
    assert (claimed.rank, claimed.tier, claimed.verified) == (None, 0, False)
    assert {row.name: row.aggregates.values.tobytes() for row in made.rows} == before
    assert "3 entries, 2 verified" in badge([made])
    assert '<p class="facts">3 entries, 2 verified</p>' in index_page([made])
    text = markdown([made])
    assert text.index("`two`") < text.index("Claimed: nobody has run these entries again yet") < text.index("`three`")
    html = page(made, None, [])
    assert html.count('<span class="verified">verified</span>') == 2
    assert "run again by a maintainer on 20" in html
    assert "claimed, sees source" in html


@pytest.mark.parametrize("changed", ["card.json", "predictions.parquet"])
def test_a_run_is_void_for_another_card_or_other_predictions(board, changed):
    root, seeds, log, ranked = board
    register_run(seeds["one"], Outcome("tolerance", 1e-6, []), "per-condition", log)
    (run,) = register.read_register(root).runs
    assert (run.log_sha256, run.process, run.by) == (sha256(log), "per-condition", "a maintainer")
    hashes = sha256(seeds["one"] / "card.json"), sha256(seeds["one"] / "predictions.parquet")
    assert register.read_register(root).find(*run.key, hashes) == run
    if changed == "card.json":
        card = json.loads((seeds["one"] / "card.json").read_text())
        (seeds["one"] / "card.json").write_text(json.dumps({**card, "submitter": "somebody else"}))
        assert "one" in names(ranked().claimed)
        hashes = sha256(seeds["one"] / "card.json"), hashes[1]
    else:
        hashes = hashes[0], "0" * 64
    assert register.read_register(root).find(*run.key, hashes) is None


def test_a_card_whose_line_ends_git_changed_is_not_quietly_without_its_run(board):
    _, seeds, log, ranked = board
    register_run(seeds["one"], Outcome("bytes", 0.0, []), "apart", log)
    for name in ("one", "two"):
        card = seeds[name] / "card.json"
        card.write_bytes(card.read_bytes().replace(b"\n", b"\r\n"))
    made = ranked()
    (said,) = made.refused
    assert said.startswith(f"{seeds['one']}: card.json is in the register, but its line ends are CRLF")
    assert names(made.claimed) == ["three", "two"]


def test_what_is_not_reproduced_any_more_leaves_the_register(board):
    root, seeds, log, _ = board
    register_run(seeds["one"], Outcome("bytes", 0.0, []), "apart", log)
    register_run(seeds["two"], Outcome("bytes", 0.0, []), "apart", log)
    register_run(seeds["one"], Outcome("differs", 0.3, []), "apart", log)
    assert [run.entry for run in register.read_register(root).runs] == ["two"]
    with pytest.raises(MedshiftError, match="leave --in-process out"):
        register_run(seeds["one"], Outcome("bytes", 0.0, []), "in-process", log)


def test_what_was_reproduced_on_another_processor_stays_though_this_one_rounds_otherwise(board, monkeypatch):
    (root, seeds, log, _), left = board, []
    for processor, result in (("one", "bytes"), ("another", "differs"), ("one", "differs")):
        monkeypatch.setattr(recording.environment, "processor", lambda name=processor: name)
        register_run(seeds["one"], Outcome(result, 0.9, []), "apart", log)
        left.append(len(register.read_register(root).runs))
    assert left == [1, 1, 0]


def test_the_next_are_those_never_run_again_then_the_oldest(board):
    root, seeds, log, _ = board
    register_run(seeds["one"], Outcome("bytes", 0.0, []), "apart", log)
    register_run(seeds["three"], Outcome("bytes", 0.0, []), "apart", log)
    kept = register.read_register(root)
    older = kept.runs[1].model_copy(update={"date": "2020-01-01"})
    register.write_register(kept.replaced(older.key, older), root)
    assert [folder.parent.name for folder in next_to_verify(root)] == ["two", "three", "one"]


def test_what_was_tried_last_comes_last_whatever_came_out_and_is_not_verified_by_it(board):
    root, seeds, log, ranked = board
    register_run(seeds["three"], Outcome("bytes", 0.0, []), "apart", log)
    kept = register.read_register(root)
    older = kept.runs[0].model_copy(update={"date": "2020-01-01"})
    register.write_register(kept.replaced(older.key, older), root)
    register_run(seeds["one"], Outcome("differs", 0.3, []), "apart", log)
    assert [folder.parent.name for folder in next_to_verify(root)] == ["two", "three", "one"]
    register_try(seeds["three"], "failed")  # what came out before stays
    found = register.read_register(root)
    assert [(run.entry, run.date) for run in found.runs] == [("three", "2020-01-01")]
    assert [(last.entry, last.result) for last in found.tries] == [("one", "differs"), ("three", "failed")]
    assert [folder.parent.name for folder in next_to_verify(root)] == ["two", "one", "three"]
    assert names(ranked().claimed) == ["one", "two"]
    card = json.loads((seeds["one"] / "card.json").read_text())
    (seeds["one"] / "card.json").write_text(json.dumps({**card, "submitter": "somebody else"}))
    assert next_to_verify(root)[0] == seeds["one"]  # another one, which was never run
    register_run(seeds["three"], Outcome("bytes", 0.0, []), "apart", log)
    assert [last.entry for last in register.read_register(root).tries] == ["one"]


def test_two_that_write_it_at_once_lose_nothing(board, monkeypatch):
    root, seeds, _, _ = board
    read = register.read_register

    def slowly(place):
        found = read(place)
        time.sleep(0.1)  # in which another one would read the same
        return found

    monkeypatch.setattr(register, "read_register", slowly)
    monkeypatch.setattr(recording, "read_register", slowly)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda seed: register_try(seed, "failed"), seeds.values()))
    assert {last.entry for last in read(root).tries} == set(seeds)
    assert not list(root.glob(".*"))


def test_a_mark_beside_the_card_does_not_count_where_a_register_is_kept(board):
    from medshift.benchmark.runs.verification.verify import write_record

    root, seeds, _, ranked = board
    write_record(seeds["one"], Outcome("bytes", 0.0, []), "the maintainers")
    assert [row.name for row in ranked().rows if row.verified] == ["one"]
    register.write_register(register.Register(), root)
    assert [row.name for row in ranked().rows if row.verified] == []


def test_the_review_of_a_claimed_entry_promises_no_rank(board):
    root, seeds, _, _ = board
    register.write_register(register.Register(), root)
    text, valid = review.review(of_folders([seeds["one"]]))
    assert valid
    assert "It would have no rank until a maintainer has run it again" in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"by": "the maintainers"}, "runs.0.by"),
        ({"machine": "Linux\u202e"}, "runs.0.machine"),
        ({"date": "yesterday"}, "runs.0.date"),
        ({"more": 1}, "runs.0.more"),
        ({"process": "in-process"}, "runs.0.process"),
        ("twice", "occurs twice"),
    ],
)
def test_a_register_that_is_not_in_order_is_refused_in_one_line(board, change, says):
    root, seeds, log, ranked = board
    register_run(seeds["one"], Outcome("bytes", 0.0, []), "apart", log)
    path = root / register.REGISTER_FILE
    content = json.loads(path.read_text())
    (run,) = content["runs"]
    content["runs"] = [run, run] if change == "twice" else [{**run, **change}]
    path.write_text(json.dumps(content))
    with pytest.raises(MedshiftError, match=says) as error:
        ranked()
    assert "\n" not in str(error.value)


def test_the_command_runs_the_next_ones_and_records_what_came_out(board, tmp_path, monkeypatch):
    root, _, _, ranked = board
    asked = []

    def again(folder, out, data, device, options, way, log, *, force, shared, starting):
        asked.append((folder.parent.name, way))
        assert not force
        assert shared.is_dir()
        log.write_text(f"ran {folder.parent.name}")
        if folder.parent.name == "one":
            raise runs.CannotRepeat("its data are elsewhere")
        starting()
        assert register.read_register(root).tries[-1].result == "unfinished"  # should it be killed
        return Outcome(*(("differs", 0.4, ["much"]) if folder.parent.name == "two" else ("bytes", 0.0, [])))

    monkeypatch.setattr(runs, "verify", again)
    monkeypatch.delenv("MEDSHIFT_IN_PROCESS", raising=False)
    monkeypatch.setenv("CI", "true")
    words = ["verify", str(root), "--next", "2", "--record", "--strict", "--logs", str(tmp_path / "logs")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1  # one of them did not come out
    assert asked == [("one", "per-condition"), ("three", "per-condition"), ("two", "per-condition")]
    assert "left out: its data are elsewhere" in done.stdout
    (run,) = register.read_register(root).runs
    (last,) = register.read_register(root).tries
    (log,) = (tmp_path / "logs").glob("*--three--seed-0.log")
    assert (run.entry, run.by, run.log_sha256) == ("three", "CI", sha256(log))
    assert (last.entry, last.result) == ("two", "differs")
    assert names(ranked().claimed) == ["one", "two"]
    refused = CliRunner().invoke(app, [*words, "--in-process"])
    assert "leave --in-process out" in str(refused.exception)


def test_one_that_fails_does_not_stop_those_after_it_and_comes_last_next_time(board, monkeypatch):
    root, seeds, _, _ = board

    def again(folder, *_, **more):
        if folder.parent.name == "one":
            raise MedshiftError("could not be rerun")
        return Outcome("bytes", 0.0, [])

    monkeypatch.setattr(runs, "verify", again)
    monkeypatch.delenv("MEDSHIFT_IN_PROCESS", raising=False)
    logs = root.parent / "logs"
    logs.mkdir()
    for name, folder in seeds.items():
        (logs / f"{'--'.join(folder.parts[-3:])}.log").write_text(name)
    words = ["verify", str(root), "--next", "2", "--record", "--logs", str(logs)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "failed: could not be rerun" in done.stdout
    found = register.read_register(root)
    assert ([run.entry for run in found.runs], [last.entry for last in found.tries]) == (["three"], ["one"])
    assert next_to_verify(root)[0] == seeds["two"]
    alone = CliRunner().invoke(app, ["verify", str(seeds["one"])])
    assert str(alone.exception) == "could not be rerun"
