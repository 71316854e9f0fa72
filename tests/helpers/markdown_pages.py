"""The pages that the repository shows to readers, their blocks of code, links and anchors."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TOOLS = DOCS / "tools"
FENCE = re.compile(
    r"(?:^<!-- test: (?P<said>[^>]*) -->\n)?^ {0,3}```(?P<language>\w*)\n(?P<text>.*?)^ {0,3}```$", re.M | re.S
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of code, and what stands before it for the tests: `slow`, or `needs PACKAGE, ...`."""

    page: Path
    line: int
    language: str
    text: str
    said: str

    @property
    def title(self) -> str:
        """Where it stands."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """List the README, the guides at the top level, and every page below docs/."""
    tops = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "examples/README.md")]
    return [*tops, *sorted(DOCS.rglob("*.md"))]


def blocks() -> list[Block]:
    """List every fenced block of every page."""
    found = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start("language")) + 1
            found.append(Block(page, line, match["language"], match["text"], match["said"] or ""))
    return found


@cache
def generated() -> dict[str, str]:
    """Make the pages of the site that no file holds."""
    sys.path.insert(0, str(TOOLS))
    try:
        import generated as module
    finally:
        sys.path.remove(str(TOOLS))
    return module.pages()


def everything() -> dict[Path, str]:
    """Return the text of every page, the generated ones too, by the place that it has or would have."""
    return {page: page.read_text(encoding="utf-8") for page in pages()} | {
        DOCS / uri: text for uri, text in generated().items()
    }


def without_code(text: str) -> str:
    """Leave out fenced blocks and code within lines."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Return the anchors of a page: its headings, as the site and code hosts name them."""
    heads = re.findall(r"^#{1,6} (.+)$", FENCE.sub("", text), flags=re.M)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", head).strip().lower()) for head in heads}


def links(text: str) -> list[str]:
    """Return the targets of links and pictures."""
    return [one or other for one, other in LINK.findall(without_code(text))]
