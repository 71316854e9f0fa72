"""The index of a site: one card per board, with what it asks, its answer in a line, and a small picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from ....benchmark.contract.sees import MEANS
from ....benchmark.files.wording import plural
from ....benchmark.protocols.protocol import Protocol
from ....benchmark.reporting import glossary
from ....benchmark.reporting.html import TEMPLATES as SHARED
from ....benchmark.reporting.html import inlined, page_style, template_environment
from ...analysis.answer import answer
from ...analysis.approach import all_by_approach
from ...analysis.wording import joined, sentence_case
from ...ranking.board import Board
from ...ranking.counts import entries_in_words
from .links import NO_LINKS, Links
from .marks import MARKS, OTHER, OUTLINES, mark_of, title_of
from .thumbnail import thumbnail

TEMPLATES = Path(__file__).with_name("templates")
STYLES = (TEMPLATES.parents[1] / "templates" / "page.css", SHARED / "terms.css", TEMPLATES / "site.css")
MODALITIES = {
    "mr": "MR images",
    "ct": "CT images",
    "xray": "radiographs",
    "fundus": "fundus photographs",
    "dermoscopy": "dermoscopy images",
    "microscopy": "microscopy images",
    "ultrasound": "ultrasound images",
    "oct": "OCT images",
}


def board_file(name: str) -> str:
    """Name the page of a board; the prefix keeps it apart from the other files of a site."""
    return f"board-{name}.html"


def index_page(boards: Sequence[Board], links: Links = NO_LINKS, over: str = "", left_out: str = "") -> str:
    """Render the index. The same boards give the same bytes: no date, no host, nothing random.

    Args:
        boards: One card each.
        links: Where it leads to.
        over: The answer of the page over boards, in a line.
        left_out: How much was refused, as a sentence; empty for nothing.
    """
    script = (SHARED / "terms.js").read_text(encoding="utf-8")
    style = page_style(*STYLES)
    used = {mark_of(row) for board in boards for row in board.rows}
    template = template_environment(TEMPLATES).get_template("index.html")
    return template.render(
        cards=[_card(board) for board in boards],
        legend=[(mark, title_of(mark)) for mark in (*MARKS.values(), OTHER) if mark in used],
        claimed=any(board.claimed for board in boards),
        outlines=OUTLINES,
        links=links,
        over=over,
        left_out=left_out,
        terms=glossary.TERMS,
        term=glossary.term,
        **inlined(style, script),
    )


def board_terms() -> dict[str, glossary.Term]:
    """Return the glossary with what each access level means, for pages that show entries by what they see."""
    levels: dict[str, glossary.Term] = {
        sees: glossary.Term(f"sees {sees}", f"{sentence_case(what)}.") for sees, what in MEANS.items()
    }
    return {**glossary.TERMS, **levels}


def question(protocol: Protocol) -> str:
    """Write what a board asks."""
    images = MODALITIES.get(protocol.dataset.modality, "images")
    tested = []
    if protocol.targets:
        tested.append(f"at {joined(protocol.targets)}")
    if protocol.shifts:
        tested.append(f"under {plural(len(protocol.shifts), 'synthesized shift')}")
    asked = f"still works {' and '.join(tested)}" if tested else "works on images that it has not seen"
    return f"Trained on {images} of {protocol.trained_on}: which model {asked}?"


def _card(board: Board) -> dict[str, object]:
    kinds = all_by_approach(board.rows)  # claimed entries too: they are counted, and drawn in the thumbnail
    facts = [entries_in_words([board])]
    facts += [f"{len(kinds)} approaches" if len(kinds) > 1 else "1 approach"] if kinds else []
    return {
        "name": board.protocol.name,
        "href": quote(board_file(board.protocol.name)),
        "simulated": board.protocol.dataset.simulated,
        "question": question(board.protocol),
        "answer": answer(board).line,
        "facts": facts,
        "thumbnail": thumbnail(board),
    }
