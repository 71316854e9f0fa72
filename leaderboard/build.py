"""Build the leaderboard: score, rank, print, and write the pages and tables."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ..benchmark.audit.report.record import AuditRecord
from ..benchmark.files.atomic import write_lines
from ..benchmark.files.text import for_terminal
from ..benchmark.files.wording import plural
from ..benchmark.reporting.heartbeat import heartbeat
from ..benchmark.reporting.terminal import fits, make_console, print_table
from ..shifts.errors import MedshiftError
from .analysis.accuracy_line import Line, lines
from .analysis.answer import answer
from .analysis.correlation import Correlation, correlation
from .analysis.findings import findings
from .analysis.gains import Gains, gains
from .analysis.wording import names
from .entries.audit_file import board_audit
from .entries.entries import ProtocolFolder, sound_protocol_folders, without_twins
from .entries.garbage import set_aside
from .ranking.board import Board, rank_entries
from .report.against import against_csv, against_markdown
from .report.badge import badge
from .report.board_svg import board_svg
from .report.brief import brief
from .report.estimators import estimators_csv
from .report.markdown import COLUMNS, into_readme, markdown, require_readme
from .report.output import Output
from .report.page import page
from .report.site.across import ACROSS_FILE, Compared, across_page, compare_boards
from .report.site.across_files import ACROSS_JSON, across_json, across_line, across_markdown
from .report.site.audit_page import audit_file, audit_lines, audit_page
from .report.site.index import board_file, index_page
from .report.site.links import Links
from .report.tables import csv_text, to_json

PRINTED = 20  # entries of each access level, and remarks, in the terminal; the page has all


def build_leaderboard(
    root: Path,
    out: Path,
    readme: Path | None = None,
    against: str = "",
    gallery: str = "",
    docs: str = "",
    refused_into: Path | None = None,
) -> None:
    """Rank the submissions below `root`; write an index, a page per board, the tables and a badge to `out`.

    What an earlier build wrote there and this one does not, such as the page of a board that is gone, is removed.
    Refused submissions, protocols and audits are left out, and the index counts them. Once everything is written, an
    error names each of them with the reason. A board without an entry is written, too, and says how to enter.

    Args:
        root: Holds `PROTOCOL/ENTRY/seed-N/`.
        out: Folder of the pages and tables; created if missing.
        readme: A file between whose markers the first entries of each access level are written.
        against: An entry, over which the gain of every other one is written as well.
        gallery: A file in `out` that shows the shifts, to which the pages link; empty for none.
        docs: Address of medshift's documentation, to which the pages link (`links.require_docs`); empty for none.
        refused_into: A file that takes what was refused, one line each, instead of the error: for a build that
            publishes what is sound, and fails afterwards. It is empty if nothing was refused.

    Raises:
        MedshiftError: Submissions, protocols or audits were refused (one line each), no protocol was found, or no
            board has an entry that is named `against`.
    """
    console, links = make_console(), Links(gallery, docs=docs)
    if readme is not None:
        require_readme(readme)
    sound, refused = sound_protocol_folders(root)
    folders, twins = without_twins(sound)
    refused += twins
    audits = _audits(folders, refused)
    boards = _ranked(folders, refused)
    of_boards = [reason for board in boards for reason in board.refused]
    left_out = _left_out(len(of_boards), len(refused))
    refused += of_boards
    if refused and not any(board.rows for board in boards) and (refused_into is None or not boards):
        raise MedshiftError("\n".join(refused))
    gained = [each for board in boards if (each := gains(board, against))] if against else []
    if against and not gained:
        entries = [row for board in boards for row in board.rows]
        raise MedshiftError(f"--against: no entry {against!r} in {root}; there are {names(entries) or 'none'}")
    with set_aside():
        correlations, compared = _publish(Output(out), root, readme, boards, audits, gained, links, left_out)
    for board, found in zip(boards, correlations, strict=True):
        _tell(console, board, found)
    if compared:
        console.print(f"Over boards: {compared.answer.line}", markup=False, soft_wrap=True)
    if gained:
        console.print(against_markdown(gained), markup=False, soft_wrap=True)
    console.print(f"Leaderboard: {(out / 'index.html').absolute()}", markup=False, soft_wrap=True)
    if refused_into is not None:
        write_lines(refused_into, [f"{line}\n" for line in refused])
    if refused:
        said = "refused and left out:\n" + "\n".join(refused)
        if refused_into is None:
            raise MedshiftError(said)
        make_console(err=True).print(for_terminal(said), markup=False, soft_wrap=True)


def _publish(
    site: Output,
    root: Path,
    readme: Path | None,
    boards: Sequence[Board],
    audits: Mapping[str, AuditRecord],
    gained: Sequence[Gains],
    links: Links,
    left_out: str,
) -> tuple[list[Correlation | None], Compared | None]:
    """Write the tables, pages, badge and README; return how the shifts predict each board, and the boards compared."""
    correlations = [correlation(board) for board in boards]
    compared = compare_boards(boards, correlations)
    text = "\n".join(filter(None, [markdown(boards, correlations), across_markdown(compared) if compared else ""]))
    fitted = [lines(board) for board in boards]
    site.write("leaderboard.md", text)
    site.write("scores.csv", csv_text(boards))
    site.write("scores.json", to_json(boards, correlations, fitted))
    site.write("estimators.csv", estimators_csv(boards))
    site.write("badge.svg", badge(boards))
    site.write("board.svg", board_svg(boards))
    if gained:
        site.write("against.csv", against_csv(gained))
        site.write("against.md", against_markdown(gained))
    _write_pages(site, boards, correlations, fitted, compared, audits, links, left_out)
    if links.gallery:
        site.adopt(links.gallery)
    site.finish()
    if readme is not None:
        over = across_line(compared) if compared else ""
        into_readme(readme, "\n\n".join(filter(None, [brief(boards, correlations, _link(readme, root)), over])))
    return correlations, compared


def _tell(console: Console, board: Board, found: Correlation | None) -> None:
    """Print a board: its table and findings, or how to enter; then what is to be known of it."""
    if board.rows:
        table = _console_table(board)
        print_table(console, table if fits(console, table) else _console_table(board, narrow=True))
        for sentence in findings(board, found):
            console.print(f"- {sentence}", markup=False)
    else:
        console.print(f"{board.protocol.name}: {answer(board).line}", markup=False, soft_wrap=True)
    looked_at = [f"to be looked at: {remark.text}" for remark in board.remarks[:PRINTED]]
    if more := len(board.remarks) - len(looked_at):
        looked_at.append(f"to be looked at: {more:,} more, on the page")
    for note in [*board.sites, *board.notes, *looked_at]:
        console.print(note, markup=False, soft_wrap=True)


def _left_out(submissions: int, others: int) -> str:
    """Count what was refused, for a page: of a refused file nothing is shown, not even its name."""
    found = [plural(submissions, "submission")] if submissions else []
    found += [f"{others} {'protocol or audit' if others == 1 else 'protocols and audits'}"] if others else []
    return f"Refused and left out: {' and '.join(found)}." if found else ""


def _ranked(folders: Sequence[ProtocolFolder], refused: list[str]) -> list[Board]:
    """Score and rank the entries of all protocols, and say which is being scored; what is refused is added."""
    boards = []
    doing = "scoring"
    with make_console().status(doing) as status, heartbeat(make_console(err=True), lambda: doing):

        def scoring(name: str) -> None:
            nonlocal doing
            doing = f"scoring {name}"
            status.update(escape(doing))

        for folder in folders:
            try:
                boards.append(rank_entries(folder, progress=scoring))
            except MemoryError:  # the page of the others is made all the same
                refused.append(f"{folder.path}: its board needs more memory than there is")
    return boards


def _audits(folders: Sequence[ProtocolFolder], refused: list[str]) -> dict[str, AuditRecord]:
    """Read the audits beside the protocols, by their names; what is refused is added."""
    audits = {}
    for folder in folders:
        try:
            found = board_audit(folder)
        except MedshiftError as error:
            refused.append(str(error))
        else:
            audits.update({folder.protocol.name: found} if found else {})
    return audits


def _write_pages(
    site: Output,
    boards: Sequence[Board],
    correlations: Sequence[Correlation | None],
    fitted: Sequence[Sequence[Line]],
    compared: Compared | None,
    audits: Mapping[str, AuditRecord],
    links: Links,
    left_out: str,
) -> None:
    """Write the index, a page per board and audit, and the page over boards."""
    links = replace(links, across=ACROSS_FILE if compared else "")
    if compared:
        site.write(ACROSS_FILE, across_page(compared, links))
        site.write(ACROSS_JSON, across_json(compared))
    for board, found, line in zip(boards, correlations, fitted, strict=True):
        name, record = board.protocol.name, audits.get(board.protocol.name)
        noted = audit_lines(record, name) if record else ()
        site.write(board_file(name), page(board, found, line, links, noted))
        if record:
            site.write(audit_file(name), audit_page(record, board.protocol))
    over = compared.answer.line if compared else ""
    site.write("index.html", index_page(boards, links, over, left_out))


def _link(readme: Path, root: Path) -> str:
    """Return the submissions as a link from the README; empty if they are not below its folder."""
    folder, found = readme.absolute().parent, root.absolute()
    return found.relative_to(folder).as_posix() if found.is_relative_to(folder) else ""


def _console_table(board: Board, *, narrow: bool = False) -> Table:
    """Format the ranked table with intervals below their figures, to fit 80 columns.

    Args:
        board: Ranked table.
        narrow: Continue names of entries on the next line after each `+` and comma.
    """
    simulated = "SIMULATED: " if board.protocol.dataset.simulated else ""
    heading = f"{simulated}{board.protocol.name}, {board.title}"
    table = Table(
        title=escape(heading), title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=0, pad_edge=False
    )
    table.add_column("#", justify="right")
    table.add_column("entry")
    for name, _ in COLUMNS:
        table.add_column("synth." if name == "Synthesized" else name.lower(), justify="right", no_wrap=True)
    groups = [(f"sees {sees}", rows) for sees, rows in board.by_sees().items()]
    groups += [("claimed: not run again, hence without a rank", board.claimed)] if board.claimed else []
    for title, rows in groups:
        table.add_section()
        table.add_row("", title, style="dim")
        for row in rows[:PRINTED]:
            texts = [row.aggregates[name, board.rank_by].text if name in row.aggregates else "–" for _, name in COLUMNS]
            rank = "–" if row.rank is None else str(row.rank)
            seeds = "1 seed" if len(row.cards) == 1 else f"{len(row.cards)} seeds"
            figures = [text.replace(" [", "\n\\[") for text in texts]
            name = re.sub(r"([+,])(?=.)", "\\1\n", row.name) if narrow else row.name
            table.add_row(rank, f"{escape(name)}\n[dim]{seeds}[/dim]", *figures)
        if more := len(rows[PRINTED:]):
            table.add_row("", f"{more:,} more, on the page", style="dim")
    return table
