"""`medshift score`: turn predictions computed elsewhere into a submission."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ... import options


def score(
    predictions: Annotated[
        Path, typer.Argument(help="CSV or Parquet: condition, sample_id, and p0, p1, ... or a column per class.")
    ],
    protocol_folder: Annotated[
        Path, typer.Option("--protocol", metavar="DIR", help="Holds protocol.json and truth.parquet.")
    ],
    name: Annotated[str, typer.Option(help="Names the entry.")],
    sees: options.Looked,
    exported: Annotated[
        Path | None,
        typer.Option("--export", metavar="DIR", help="The export that was predicted; the card records its shifts."),
    ] = None,
    rejections: Annotated[
        bool,
        typer.Option("--rejections", help="The model may refuse images: empty cells, or true in a column `rejected`."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of training, where there are several.", min=0)] = 0,
    summary: options.Summary = "",
    submitter: options.Submitter = "",
    out: options.Submissions = Path("submissions"),
) -> None:
    """Check predictions computed anywhere, score them, and write a submission.

    The leaderboard marks it as external: what it sees is declared by its author, and nobody can run it again.
    """
    from ....exchange import ingest
    from ....files.destinations import output_folder
    from ....protocols.folder import read_protocol
    from ....submissions.rejections import answered_scores
    from ...progress import console
    from ...summary import print_summary
    from ...tables.estimates import estimate_lines

    output_folder(out, "a submission")
    protocol, truth = read_protocol(protocol_folder)
    if exported is not None:
        from ....exchange.export import fingerprints

        shifts = fingerprints(exported, protocol)
    else:
        from .....shifts.fingerprints import fingerprint

        shifts = {shift: fingerprint(shift) for shift in protocol.shifts}
    claim = ingest.Claim(name, sees, summary, submitter, seed, rejections)
    folder, scored, notes = ingest.submit(predictions, protocol, truth, claim, shifts, out)
    for note in notes:
        console().print(f"{predictions.name}: {note}", soft_wrap=True, markup=False)
    answered = answered_scores(folder, protocol, truth, scored) if rejections else None
    lines = estimate_lines(protocol, truth, folder, scored)
    print_summary(protocol, scored, f"{name}, seed {seed}", answered=answered, more=lines)
    console(err=False).print(f"submission: {folder}", soft_wrap=True, markup=False)
