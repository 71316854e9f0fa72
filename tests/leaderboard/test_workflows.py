"""The workflows can do no harm, and comment only on what they may."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import textwrap
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
    assert '--before before --author "$AUTHOR"' in text
    assert 'worktree add --quiet --detach "$PWD/before" HEAD^1' in text
    assert "fetch-depth: 0" in text  # a shallow history says nothing of owners


@pytest.mark.skipif(shutil.which("jq") is None, reason="the script needs jq")
def test_nothing_is_said_where_the_commit_is_none_of_an_open_pull_request(comment):
    assert comment([], sha="another") is None
