"""The register that CI wrote, merged into one that changed meanwhile: by submission, the run and the last try."""

from __future__ import annotations

from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.runs.verification.recording import register_run
from medshift.benchmark.runs.verification.verify import Outcome
from medshift.benchmark.submissions import register


def test_what_was_run_again_elsewhere_is_merged_by_submission_into_a_register_that_changed_meanwhile(board, tmp_path):
    root, seeds, log, _ = board

    def dated(found, name, day):
        run = next(each for each in found.runs if each.entry == name)
        return found.replaced(run.key, run.model_copy(update={"date": day}))

    for name in seeds:
        register_run(seeds[name], Outcome("bytes", 0.0, []), "apart", log)
    every = register.read_register(root)
    for name in seeds:
        every = dated(every, name, "2026-01-01")
    since = every.replaced(("made-up", "two", 0), None)
    ours = dated(since.replaced(("made-up", "two", 0), every.runs[-1]), "three", "2026-03-03")  # by a maintainer
    last = register.LastTry(**{**_hashes(every.runs[0]), "result": "differs", "date": "2026-02-02"})
    made = dated(since.replaced(last.key, None, last), "three", "2026-02-02")
    found = register.merged(ours, since, made)
    assert [(run.entry, run.date) for run in found.runs] == [("three", "2026-03-03"), ("two", "2026-01-01")]
    assert found.tries == (last,)
    for name, each in (("since", since), ("made", made)):
        (tmp_path / name).mkdir()
        register.write_register(each, tmp_path / name)
    register.write_register(ours, root)
    files = [str(tmp_path / name / register.REGISTER_FILE) for name in ("made", "since")]
    done = CliRunner().invoke(app, ["verify", str(root), "--merge", files[0], "--since", files[1]])
    assert done.exit_code == 0, done.exception
    assert register.read_register(root) == found


def test_what_ci_did_not_reproduce_does_not_undo_what_a_maintainer_put_in_its_place_meanwhile(board):
    root, seeds, log, _ = board
    register_run(seeds["one"], Outcome("differs", 0.3, []), "apart", log, replaced=True)
    (ours,) = register.read_register(root).runs
    dated = ours.model_copy(update={"date": "2026-01-01", "card_sha256": "0" * 64})
    last = register.LastTry(**{**_hashes(dated), "result": "differs", "date": "2026-02-02"})
    now, since = register.Register((ours,)), register.Register()
    assert ours.result == "remade"
    assert register.merged(now, since, register.Register((), (last,))) == now  # of the files that were there
    same = last.model_copy(update={"card_sha256": ours.card_sha256})
    assert register.merged(now, since, register.Register((), (same,))) == register.Register((ours,), (same,))


def _hashes(run):
    return {name: getattr(run, name) for name in ("protocol", "entry", "seed", "card_sha256", "predictions_sha256")}
