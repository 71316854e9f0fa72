"""The page over boards as files: `over-boards.json`, and a short table in Markdown."""

from __future__ import annotations

import json

from ...analysis.across.duels import bests
from ...analysis.approach import approach_title
from ...ranking.across import SharedEntry
from ..estimators import json_number
from ..markdown import escape
from .across import Compared
from .across_picture import mean_text

ACROSS_JSON = "over-boards.json"
SCHEMA = "medshift-over-boards/1"
FIRST = 3  # entries of each access level in the short table


def across_json(compared: Compared) -> str:
    """Write what the page shows; undefined figures are null. Figures of single boards are in scores.json."""
    found, agreed = compared.found, compared.agreed
    best = bests(found)
    made = {
        "schema": SCHEMA,
        "boards": [
            {
                "name": board.protocol.name,
                "sha256": board.protocol.sha256,
                "entries": len(board.rows),
                "sites": list(board.protocol.targets),
                "best": {kind: row.name for kind, row in best[board.protocol.name].items()},
            }
            for board in found.boards
        ],
        "answer": [compared.answer.line, *compared.answer.sentences],
        "agreement": {
            "entries": agreed.entries,
            "networks": agreed.networks,
            "spearman": [json_number(each) for each in agreed.mean],
            "kendall_w": json_number(agreed.concordance),
            "pairs": [{"boards": [one, other], "spearman": json_number(value)} for one, other, value in agreed.pairs],
        },
        "entries": [_entry(entry) for entry in found.entries],
        "approaches": [
            {"approach": duel.one, "against": duel.other, "outcomes": dict(duel.outcomes)} for duel in compared.duels
        ],
        "findings": [
            {
                "finding": finding.text,
                "holds": finding.holds,
                "boards": {name: {"verdict": each.verdict, "why": each.why} for name, each in finding.stated.items()},
            }
            for finding in compared.findings
        ],
    }
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def across_line(compared: Compared) -> str:
    """Write the answer; empty if no entry has a mean rank."""
    return f"**Over boards**: {escape(compared.answer.line)}" if compared.found.ranked else ""


def across_markdown(compared: Compared) -> str:
    """Write the answer and the first entries of each access level with their ranks; empty if none has a mean rank."""
    found = compared.found
    if not found.ranked:
        return ""
    names = found.names
    lines = [
        across_line(compared),
        "",
        f"| Sees | Entry | Approach | Mean rank | {' | '.join(map(escape, names))} |",
        f"|---|---|---|--:|{'--:|' * len(names)}",
    ]
    for sees, members in found.by_sees().items():
        for entry in members[:FIRST]:
            row = next(iter(entry.rows.values()))
            cells = [f"`{sees}`", f"`{entry.name}`", escape(approach_title(row)) or "–", mean_text(entry)]
            ranks = (entry.ranks[name] for name in names)
            lines.append(f"| {' | '.join([*cells, *(f'{rank} ({low}–{high})' for rank, low, high in ranks)])} |")
    count = len(found.ranked)
    which = "1 entry that has" if count == 1 else f"{count:,} entries that have"
    lines += [
        "",
        f"Ranks are among the {which} a rank on every board, by access level, with 95 % intervals.",
    ]
    return "\n".join(lines) + "\n"


def _entry(entry: SharedEntry) -> dict[str, object]:
    return {
        "entry": entry.name,
        "sees": entry.sees,
        "approach": approach_title(next(iter(entry.rows.values()))) or None,
        "mean_rank": [json_number(each) for each in entry.mean] if entry.ranks else None,
        "boards": {
            name: {"claimed": row.claimed, "rank": list(entry.ranks[name]) if entry.ranks else None}
            for name, row in entry.rows.items()
        },
    }
