"""`medshift report`: judge one entry by criteria that were written before it ran."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ....shifts.errors import MedshiftError
from ..options import expand
from ..reading import DataOptions, ReadingOptions

if TYPE_CHECKING:
    from ....leaderboard.assurance.images import Seen

Criteria = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Acceptance criteria (TOML), written before the run: docs/how-to/models/report.md."
    ),
]


@expand
def report(
    entry: Annotated[Path, typer.Argument(help="PROTOCOL/ENTRY with its seeds, or PROTOCOL/ENTRY/seed-N.")],
    data: DataOptions,
    reading: ReadingOptions,
    criteria: Criteria = None,
    audit: Annotated[
        bool, typer.Option("--audit", help="Audit the images, too: leaks, duplicates, confounding, shortcuts.")
    ] = False,
    out: Annotated[
        Path, typer.Option(help="The page: a file ending in .html, or a folder for report.html; JSON goes beside it.")
    ] = Path("report.html"),
) -> None:
    """Say of each criterion whether it is met, not met or not shown, and where each shift breaks the entry.

    With images (--data or --dataset), it also shows where the real sites lie on the scales of the shifts.
    """
    from ...files.destinations import output_file

    if criteria is None:
        raise MedshiftError(
            "no --criteria: write the limits into a file before the run, as in docs/how-to/models/report.md"
        )
    where = output_file(out, "report.html", (".html", ".htm"))
    from ....leaderboard.assurance.output.write import write_report
    from ....leaderboard.assurance.report import make_report
    from ..progress import console

    given = [*(["--audit"] if audit else []), *reading.given()]
    if given and data.data is None and data.dataset is None:
        raise MedshiftError(f"{', '.join(given)}: give the images with --data DIR or --dataset NAME")
    made = make_report(entry, criteria, lambda: _seen(entry, data, reading, audit=audit))
    beside = write_report(made, where)
    screen = console(err=False)
    remark = f" ({made.registration.remark})" if made.registration.remark else ""
    for verdict in made.verdicts:
        line = f"{verdict.state}{remark}: {verdict.criterion.text}; {verdict.why}"
        screen.print(line, soft_wrap=True, markup=False)
    print(where)
    print(beside)


def _seen(entry: Path, data: DataOptions, reading: ReadingOptions, *, audit: bool) -> Seen | None:
    """Look at the images, if they are given."""
    if data.data is None and data.dataset is None:
        return None
    from ....leaderboard.assurance.entry.scores import protocol_home
    from ....leaderboard.assurance.images import look_at
    from ...protocols.data import adopt
    from ..progress import bar

    dataset, protocol, _ = adopt(protocol_home(entry), data.dataset, data.data, reading.options(), bar)
    return look_at(dataset, protocol, bar, audited=audit)
