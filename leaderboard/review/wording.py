"""The text of a review: Markdown in which all from a pull request is plain text, and which is never cut quietly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_PROBLEMS = 20  # shown per entry
LONGEST = 60_000  # bytes of UTF-8: a comment may have 65,536 characters
LONGEST_SPAN = 300  # characters of one code span
HEAD = "## Leaderboard"


def code(text: str) -> str:
    """Format text as a code span, in which nothing is a link, a mention or HTML."""
    plain = "".join(c if c.isprintable() and c != "`" else "?" for c in text)
    return f"`{plain if len(plain) <= LONGEST_SPAN else plain[:LONGEST_SPAN] + ' ...'}`"


def refusal(what: str, problems: Sequence[str]) -> list[str]:
    """List problems below what they concern, given as Markdown; nothing if there are none."""
    if not problems:
        return []
    listed = [f"  - {code(problem)}" for problem in problems[:MOST_PROBLEMS]]
    more = [f"  - and {len(problems) - MOST_PROBLEMS} more"] if len(problems) > MOST_PROBLEMS else []
    return [f"- {what}: **refused**", *listed, *more]


def section(title: str, lines: Sequence[str]) -> list[str]:
    """Head lines with a title; nothing if there are none."""
    return [f"### {title}", "", *lines, ""] if lines else []


def fitted(text: str, whole: str) -> tuple[str, bool]:
    """Cut a review to the length of a comment, between lines, and say so first; also return whether it was complete.

    Args:
        text: The review.
        whole: Where the whole of it is, in words.
    """
    if len(text.encode()) <= LONGEST:
        return text, True
    lines = text.splitlines()
    notice = (
        f"**This review is too long for a comment, and the check is red for that alone.** Below is its beginning; the "
        f"whole of it, {len(lines):,} lines, is in {whole}. Change less in one pull request."
    )
    room, kept = LONGEST - len(notice.encode()) - 200, []
    for line in lines[1:]:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    left = len(lines) - 1 - len(kept)
    return "\n".join([HEAD, "", notice, *kept, "", f"**... {left:,} more lines are not shown.**"]) + "\n", False


@dataclass
class Found:
    """What a review has to say, by section."""

    touched: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    look_at: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    valid: bool = True

    def refuse(self, what: str, problems: list[str]) -> None:
        """Refuse something, given as Markdown, for some reasons; nothing happens if there are none."""
        self.refused += refusal(what, problems)
        self.valid &= not problems
