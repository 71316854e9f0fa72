"""The workflows can do no harm, and comment only on what they may."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"


@pytest.mark.parametrize("path", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_actions_are_pinned_and_untrusted_code_gets_nothing(path):
    text = path.read_text()
    for action in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"(actions/[a-z-]+|pypa/gh-action-pypi-publish)@[0-9a-f]{40}", action), action
    assert "pull_request_target" not in text
    assert "secrets." not in text
    assert "write-all" not in text
    scripts = re.findall(r"run: \|\n((?: {10}.*\n|\n)+)", text)
    assert not any("${{" in script for script in scripts)  # text from contributors is never pasted into a script
    if "workflow_run" in text:
        assert "actions/checkout" not in text
    elif "pull_request" in text:
        assert text.count("actions/checkout@") == text.count("persist-credentials: false")


def test_the_workflow_for_a_leaderboard_of_ones_own_uses_what_this_one_uses():
    page = (WORKFLOWS.parents[1] / "docs" / "how-to" / "own-leaderboard.md").read_text()
    (shown,) = re.findall(r"```yaml\n(.+?)```", page, re.DOTALL)
    ours = (WORKFLOWS / "leaderboard.yml").read_text()
    assert set(re.findall(r"uses: (.+)", shown)) <= set(re.findall(r"uses: (.+)", ours))
    project = tomllib.loads((WORKFLOWS.parents[1] / "pyproject.toml").read_text())["project"]
    assert f"MEDSHIFT: medshift=={project['version']}\n" in shown
    assert shown.count("actions/checkout@") == shown.count("persist-credentials: false")
    (script,) = re.findall(r"run: \|\n((?: {10}.*\n|\n)+)", shown)
    assert "${{" not in script
    for line in re.findall(r"^ +(git -C head .+)\n", script, re.MULTILINE):
        assert line in ours
    words = ("--changes changes --checkout head --before before", '--maintainer "$GITHUB_REPOSITORY_OWNER"')
    assert all(each in script and each in ours for each in words)
    assert "--refused refused.txt\n" in shown
    assert shown.index("test ! -s refused.txt") > shown.index("actions/deploy-pages@")  # one of them stops no page


GH = """#!/usr/bin/env python3
import json, os, pathlib, sys
words = sys.argv[1:]
here = pathlib.Path(os.environ["ANSWERS"])
(asked,) = [word for word in words if word.startswith("repos/")]
if "--input" in words:
    body = json.load(open(words[words.index("--input") + 1]))["body"]
    (here / "sent").write_text(json.dumps([words[2], asked, body]))
else:
    print((here / asked.split("/")[-1].partition("...")[0]).read_text())
"""


@pytest.fixture
def comment(tmp_path):
    """Run the script that comments, with given answers of GitHub; return (method, path, body) of what it sends."""
    text = (WORKFLOWS / "leaderboard-comment.yml").read_text()
    (script,) = re.findall(r"run: \|\n((?: {10}.*\n|\n)+)", text)
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.md").write_text("## Leaderboard\n\n`what the check says`\n")

    def run(files, comments=(), sha="f00"):
        (tmp_path / "pulls").write_text(
            json.dumps([{"number": 7, "head": {"sha": sha}, "base": {"sha": "ba5e"}}, {"head": {"sha": "0"}}])
        )
        (tmp_path / "ba5e").write_text(json.dumps({"files": files}))
        (tmp_path / "comments").write_text("\n".join(json.dumps(page) for page in comments))
        about = {"REPOSITORY": "a/b", "OWNER": "me", "BRANCH": "x", "COMMIT": "f00", "ANSWERS": str(tmp_path)}
        path = f"{tmp_path}:{os.environ['PATH']}"
        words = ["bash", "-e", "-c", textwrap.dedent(script)]
        subprocess.run(words, env={**os.environ, **about, "PATH": path}, cwd=tmp_path, check=True)
        return json.loads((tmp_path / "sent").read_text()) if (tmp_path / "sent").exists() else None

    return run


@pytest.mark.skipif(shutil.which("jq") is None, reason="the script needs jq")
def test_a_report_is_repeated_only_of_pull_requests_that_change_submissions_alone(comment):
    mine = {"filename": "leaderboard/submissions/a/b/seed-0/card.json"}
    assert comment([mine]) == ["POST", "repos/a/b/issues/7/comments", "## Leaderboard\n\n`what the check says`\n"]
    others = [[{"id": 1, "user": {"login": "me"}, "body": "## Leaderboard"}]]
    own = [[{"id": 2, "user": {"login": "github-actions[bot]"}, "body": "## Leaderboard\n\nold"}]]
    assert comment([mine], others)[:2] == ["POST", "repos/a/b/issues/7/comments"]
    assert comment([mine], others + own)[:2] == ["PATCH", "repos/a/b/issues/comments/2"]
    for files in (
        [mine, {"filename": ".github/workflows/leaderboard.yml"}],
        [{"filename": mine["filename"], "previous_filename": "leaderboard/review.py"}],
        [mine] * 300,
    ):
        _, _, body = comment(files)
        assert body.startswith("## Leaderboard\n\nThis pull request changes more than")
        assert "what the check says`" not in body


@pytest.mark.skipif(shutil.which("jq") is None, reason="the script needs jq")
def test_a_report_longer_than_a_comment_is_cut_with_a_word_first(comment, tmp_path):
    (tmp_path / "report" / "report.md").write_text("## Leaderboard\n\n" + "- `x`\n" * 20_000)
    _, _, body = comment([{"filename": "leaderboard/submissions/a/b/seed-0/card.json"}])
    assert body.startswith("## Leaderboard\n\n**This is cut: the whole is in the artifact")
    assert len(body) < 65_536


def test_the_check_asks_for_who_opened_the_pull_request_and_compares_with_the_base():
    text = (WORKFLOWS / "leaderboard.yml").read_text()
    assert "AUTHOR: ${{ github.event.pull_request.user.login }}" in text
    assert "AUTHOR_ID: ${{ github.event.pull_request.user.id }}" in text
    assert '--before before --author "$AUTHOR" \\\n            --author-id "$AUTHOR_ID" ' in text
    assert 'worktree add --quiet --detach "$PWD/before" HEAD^1' in text
    assert "fetch-depth: 0" in text  # a shallow history says nothing of owners


def test_what_is_sound_is_published_whatever_was_refused_and_a_later_job_fails():
    text = (WORKFLOWS / "leaderboard.yml").read_text()
    commands = (WORKFLOWS.parents[1] / "Makefile").read_text()
    for target in ("board", "readme"):  # the pages, and the table that verify.yml pushes with the register
        assert "--refused build/refused.txt\n" in re.search(rf"^{target}: .*\n\t.*\n", commands, re.MULTILINE)[0]
    (build, publish, sound) = (text.index(f"\n  {job}:\n") for job in ("build", "publish", "sound"))
    assert "if [ -s build/refused.txt ]; then echo" in text[build:publish]
    assert "refused" not in text[publish:sound]
    assert "needs: [build, publish]" in text[sound:]
    assert "exit 1" in text[sound:]


@pytest.mark.skipif(shutil.which("jq") is None, reason="the script needs jq")
def test_nothing_is_said_where_the_commit_is_none_of_an_open_pull_request(comment):
    assert comment([], sha="another") is None


MAKE = """\
readme:
\t(cat leaderboard/submissions/verified.json; ls leaderboard/submissions) > README.md
\tcp README.md docs/assets/board.svg
\t./meanwhile
.venv/.installed:
"""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A checkout that stands for a workflow's, a bare repository that it pushes to, and git in the checkout."""
    for name, value in {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(tmp_path / "output"), "BRANCH": "main"}.items():
        monkeypatch.setenv(name, value)
    checkout, origin = tmp_path / "checkout", tmp_path / "origin"
    files = {
        ".gitignore": ".venv\n",
        "Makefile": MAKE,
        "README.md": "old",
        "docs/assets/board.svg": "old",
        "leaderboard/submissions/verified.json": json.dumps({"schema": "medshift-register/1", "runs": [run_of("one")]}),
        "meanwhile": f"#!/bin/sh\n[ -e {tmp_path}/moved ] || sh -e {tmp_path}/move\n",
        ".ci/refresh-board": (WORKFLOWS.parents[1] / ".ci" / "refresh-board").read_text(),
        ".venv/bin/medshift": f'#!/bin/sh\nexec {sys.executable} -m medshift.benchmark.cli "$@"\n',
    }
    for name, text in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text)
    for name in ("meanwhile", ".ci/refresh-board", ".venv/bin/medshift"):
        (checkout / name).chmod(0o755)

    def git(*words, where=checkout):
        words = ("git", "-C", where, "-c", "user.name=x", "-c", "user.email=x@example.org", *words)
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "-m", "the base")
    git("clone", "--quiet", "--bare", checkout, origin, where=tmp_path)
    git("remote", "add", "origin", origin)
    # while the README is made, somebody else merges an entry and what a maintainer ran again
    git("clone", "--quiet", origin, tmp_path / "other", where=tmp_path)
    theirs = json.dumps({"schema": "medshift-register/1", "runs": [run_of("one"), run_of("theirs")]})
    (tmp_path / "theirs.json").write_text(theirs)
    (tmp_path / "move").write_text(
        f"touch {tmp_path}/moved; cd {tmp_path}/other; cp ../theirs.json leaderboard/submissions/verified.json\n"
        "touch leaderboard/submissions/entry; git add .\n"
        "git -c user.name=x -c user.email=x@example.org commit -qm meanwhile; git push -q\n"
    )
    return checkout, git


def run_of(entry):
    return {
        "protocol": "made-up", "entry": entry, "seed": 0, "card_sha256": "0" * 64, "predictions_sha256": "0" * 64,
        "result": "bytes", "largest_difference": 0.0, "version": "medshift 0.1.0", "commit": None,
        "date": "2026-01-01", "machine": "x", "process": "apart", "log_sha256": "0" * 64, "by": "CI",
    }  # fmt: skip


def test_what_ci_ran_again_is_pushed_on_top_of_what_was_merged_meanwhile(repository, tmp_path):
    checkout, git = repository
    since = git("rev-parse", "HEAD").strip()
    made = tmp_path / "made.json"
    made.write_text(json.dumps({"schema": "medshift-register/1", "runs": [run_of("one"), run_of("ours")]}))
    done = subprocess.run(
        [checkout / ".ci" / "refresh-board", made, since], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "attempt 1: main has moved" in done.stderr
    git("fetch", "--quiet", "origin", "main")
    register = json.loads(git("show", "FETCH_HEAD:leaderboard/submissions/verified.json"))
    assert [run["entry"] for run in register["runs"]] == ["one", "ours", "theirs"]
    readme = git("show", "FETCH_HEAD:README.md")
    assert "theirs" in readme
    assert "entry\n" in readme
    assert git("show", "FETCH_HEAD:docs/assets/board.svg") == readme
    assert git("log", "--format=%s", "FETCH_HEAD").split("\n")[1] == "meanwhile"
    assert (tmp_path / "output").read_text() == "pushed=true\n"


def test_the_readme_is_refreshed_after_a_merge_and_pushed_only_if_it_changed(repository, tmp_path, monkeypatch):
    checkout, git = repository
    (tmp_path / "moved").touch()
    for commits in ("2", "2"):
        subprocess.run([checkout / ".ci" / "refresh-board"], check=True, capture_output=True)
        git("fetch", "--quiet", "origin", "main")
        assert git("rev-list", "--count", "FETCH_HEAD").strip() == commits
    assert (tmp_path / "output").read_text() == "pushed=true\n"  # once
    monkeypatch.delenv("GITHUB_ACTIONS")  # where work that is not committed would be lost
    (checkout / "README.md").write_text("mine")
    assert subprocess.run([checkout / ".ci" / "refresh-board"], check=False, capture_output=True).returncode == 2
    assert (checkout / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("path", "follows"), [("leaderboard/submissions/a/card.json", True), ("leaderboard/build.py", False)]
)
def test_the_gate_knows_whether_submissions_alone_change(repository, tmp_path, path, follows):
    checkout, git = repository
    for each in (path, "leaderboard/submissions/b"):  # one of them is of submissions in either case
        (checkout / each).parent.mkdir(parents=True, exist_ok=True)
        (checkout / each).touch()
        git("add", ".")
        git("commit", "--quiet", "-m", "one of two that are pushed together", "--allow-empty")
    text = (WORKFLOWS / "ci.yml").read_text()
    assert "BEFORE: ${{ github.event_name == 'push' && github.event.before || 'HEAD^1' }}\n" in text
    (script,) = re.findall(r"run: \|\n((?: {10}.*\n|\n)+)", text)
    before = {**os.environ, "BEFORE": "HEAD~2"}
    subprocess.run(["bash", "-e", "-c", textwrap.dedent(script)], cwd=checkout, check=True, env=before)
    output = tmp_path / "output"
    assert (output.read_text() if output.exists() else "") == ("readme-follows=1\n" if follows else "")
    assert text.count("MEDSHIFT_README_FOLLOWS: ${{ ") == 2


def test_the_page_is_published_after_ci_pushed_by_a_job_that_may_do_nothing_else():
    verify, page = ((WORKFLOWS / name).read_text() for name in ("verify.yml", "leaderboard.yml"))
    assert "  workflow_dispatch:\n" in page
    job = verify.partition("\n  publish:\n")[2]
    assert "if: ${{ always() && needs.record.outputs.pushed == 'true' }}" in job
    assert "permissions:\n      actions: write\n    steps:" in job
    assert 'gh workflow run leaderboard.yml --repo "$REPOSITORY" --ref "$BRANCH"' in job
    assert "checkout" not in job


@pytest.mark.parametrize("name", ["verify.yml", "leaderboard.yml", "readme.yml"])
def test_a_fork_says_by_a_variable_whether_it_has_a_leaderboard_of_its_own(name):
    text = " ".join((WORKFLOWS / name).read_text().split())
    assert "vars.LEADERBOARD == 'on' || (vars.LEADERBOARD == '' && !github.event.repository.fork)" in text
    assert text.count("repository.fork") == text.count("vars.LEADERBOARD == 'on'")
