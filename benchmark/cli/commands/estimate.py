"""`medshift estimate`: how well does a model do at a site, judged without the labels there?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ....shifts.errors import MedshiftError, near
from .check import require_submission


def estimate(
    folder: Annotated[Path, typer.Argument(metavar="ENTRY", help="A submission, .../PROTOCOL/ENTRY/seed-N.")],
    target: Annotated[
        list[str] | None,
        typer.Option(help="A real site of the submission; may be repeated. All by default.", show_default=False),
    ] = None,
    estimator: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this estimator; may be repeated.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Estimate how well a model does at a site from its predictions there, without looking at their labels.

    Where the submission's protocol has labels of that site, the measured figure stands beside the estimates.
    """
    from ...estimation import stored
    from ...estimation.registry import TABLE, estimator_names
    from ...protocols.folder import read_protocol
    from ...scoring.bootstrap import resampled_splits
    from ...scoring.scores import by_condition
    from ...submissions.submission import read_submission
    from ..progress import console
    from ..tables.estimates import print_estimates
    from .listing import print_json

    for name in estimator or ():
        TABLE.check(name)
    require_submission(folder)
    protocol, truth = read_protocol(folder.absolute().parent.parent)
    stored.require_supported(protocol)
    for site in target or ():
        if site not in protocol.targets:
            have = ", ".join(protocol.targets) or "none"
            raise MedshiftError(
                f"--target {site}: not a real site of {protocol.name}, which has {have}.{near(site, protocol.targets)}"
            )
    if not protocol.targets:
        raise MedshiftError(f"{protocol.name} has no real site, so nothing was predicted there")
    card, arrays = read_submission(folder, protocol, truth)
    splits = resampled_splits(protocol, truth, 0)
    found = stored.estimate_sites(protocol, splits, arrays, target or (), estimator or estimator_names())
    scores, _ = by_condition(protocol, truth, arrays, drawn=splits)
    measured = {site: scores[site][protocol.metrics[0]].value for site in found}
    if as_json:
        print_json(
            [
                {"site": site, "estimator": name, **stored.record(one), "measured": stored.number(measured[site])}
                for site, by_name in found.items()
                for name, one in by_name.items()
            ]
        )
        return
    print_estimates(console(err=False), f"{card.entry}, seed {card.seed} on {protocol.name}", found, measured)
