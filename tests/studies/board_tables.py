"""The tables of figures in docs/concepts, from a leaderboard's site.

    python tests/studies/board_tables.py SITE [DOCS]

Writes into `findings.md` a row per entry of each board, best first, and each gain over `joint-norm`; into
`estimates.md` a row per estimator. Only rows are replaced: the sentences around them are for their author to read
again.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from pathlib import Path
from typing import Any

from medshift.benchmark.reporting.numbers import format_decimal, format_estimate

FIGURES = ("clean", "real", "synthesized", "shifted")
AGAINST = "joint-norm"


def entries(board: dict[str, Any]) -> list[str]:
    """Return one row per entry of a board, the best under shift first; a tick marks those that were run again."""
    column = [board["aggregates"].index(name) for name in FIGURES]
    rows = []
    for entry in board["entries"]:
        clean, real, synthesized, shifted = (entry["aggregates"][one][0] for one in column)
        cells = [*(format_decimal(one[0]) for one in (clean, real, synthesized)), format_estimate(*shifted)]
        again = " ✓" if entry["rank"] else ""
        rows.append((-shifted[0], entry["entry"], f"| `{entry['entry']}`{again} | {' | '.join(cells)} |"))
    return [row for *_, row in sorted(rows)]


def gains(site: Path, names: list[str], methods: list[str]) -> list[str]:
    """Return one row per method: its gain at the real sites of each board, empty where it has no entry."""
    with (site / "against.csv").open() as file:
        found = {(row["entry"], row["protocol"]): row for row in csv.DictReader(file) if row["figure"] == "real"}
    rows = []
    for method in methods:
        cells = []
        for name in names:
            row = found.get((method, name))
            gain, low, high = (float(row[key]) for key in ("gain", "low", "high")) if row else (0.0, 0.0, 0.0)
            supported = ", **supported**" if row and row["supported"] == "1" else ""
            told = f"{signed(gain)} [{signed(low)}, {signed(high)}]{supported}"
            cells.append(told if row else "")
        rows.append(f"| `{method}` | {' | '.join(cells)} |")
    return rows


def signed(value: float) -> str:
    """Write a difference with its sign and three decimals, without a leading zero."""
    return f"{value:+.3f}".replace("0.", ".", 1)


def estimators(boards: list[dict[str, Any]], names: list[str]) -> list[str]:
    """Return one row per estimator: its error and the share of held figures on each board, the least error bold."""
    least = [min(one["absolute_error"][0] for one in board["estimators"].values()) for board in boards]
    rows = []
    for name in names:
        cells = []
        for board, best in zip(boards, least, strict=True):
            error, held = (board["estimators"][name][key][0] for key in ("absolute_error", "coverage"))
            bold = "**" if error == best else ""
            cells.append(f"{bold}{format_decimal(error)}{bold} | {100 * held:.0f} %")
        rows.append(f"| `{name}` | {' | '.join(cells)} |")
    return rows


def replace(text: str, start: str, rows: list[str]) -> str:
    """Put rows in the place of those of the first table after a line of the text."""
    before, line, after = text.partition(start)
    table = re.search(r"^\|[-:|]+\|\n((?:\|.*\n)+)", after, re.MULTILINE)
    if not line or not table:
        raise SystemExit(f"no table after the line {start.strip()!r}")
    return before + line + after[: table.start(1)] + "\n".join(rows) + "\n" + after[table.end(1) :]


def main() -> None:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path, help=f"made by `medshift leaderboard ... --against {AGAINST} --out SITE`")
    parser.add_argument("docs", type=Path, nargs="?", default=Path("docs/concepts"))
    given = parser.parse_args()
    boards = {board["name"]: board for board in json.loads((given.site / "scores.json").read_text())["protocols"]}

    path = given.docs / "findings.md"
    text = path.read_text()
    for name in (name for name in boards if f"\n## {name}\n" in text):
        text = replace(text, f"\n## {name}\n", entries(boards[name]))
    head, added = "\n| method | ", "## What images of the target add\n"
    names = text.partition(added)[2].partition(head)[2].partition(" |\n")[0].split(" | ")
    shown = text.partition(added)[2].partition(head)[2].partition("\n\n")[0]
    text = replace(text, added, gains(given.site, names, re.findall(r"^\| `([^`]+)`", shown, re.MULTILINE)))
    path.write_text(text)

    path, head = given.docs / "estimates.md", "\n| estimator | "
    text = path.read_text()
    order = re.findall(r"([\w-]+): error", text.partition(head)[2].partition("\n")[0])
    listed = re.findall(r"^\| `([^`]+)`", text.partition(head)[2].partition("\n\n")[0], re.MULTILINE)
    path.write_text(replace(text, head, estimators([boards[name] for name in order], listed)))


if __name__ == "__main__":
    main()
