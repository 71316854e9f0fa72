"""`medshift estimate`: how well does a model do at a site, judged without the labels there?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ....shifts.errors import MedshiftError, near
from ..options import expand
from ..reading import ReadingOptions
from .check import require_submission

if TYPE_CHECKING:
    from ...estimation.evidence import Estimate
    from ...protocols.protocol import Protocol


@expand
def estimate(
    *,
    folder: Annotated[Path, typer.Argument(metavar="ENTRY", help="A submission, .../PROTOCOL/ENTRY/seed-N.")],
    target: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SITE|DIR",
            help="A real site of the submission (all by default), or a folder of new images, which the model predicts.",
            show_default=False,
        ),
    ] = None,
    estimator: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this estimator; may be repeated.", show_default=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="For new images: the submission's data, unless they come with medshift."),
    ] = None,
    reading: ReadingOptions,
    device: Annotated[str, typer.Option(help="For new images: where to run; the card's device by default.")] = "",
    force: Annotated[
        bool,
        typer.Option("--force", help="For new images: fit the model even if its card asks for an extraordinary run."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Estimate how well a model does at a site from its predictions there, without looking at their labels.

    Where the submission's protocol has labels of a site, the measured figure stands beside the estimates. For new
    images the model is fitted again, from the cache if it was trained here.
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
    names = estimator or estimator_names()
    require_submission(folder)
    protocol, truth = read_protocol(folder.absolute().parent.parent)
    stored.require_supported(protocol)
    sites, folders = _targets(target or protocol.targets, protocol)
    unused = [
        *reading.given(),
        *(["--data"] if data else []),
        *(["--device"] if device else []),
        *(["--force"] if force else []),
    ]
    if unused and not folders:
        raise MedshiftError(f"{', '.join(unused)}: goes with --target DIR, a folder of new images to be predicted")
    card, arrays = read_submission(folder, protocol, truth)
    splits = resampled_splits(protocol, truth, 0)
    refused = card.rejections or {}
    found = stored.estimate_sites(protocol, splits, arrays, sites, names, refused) if sites else {}
    if folders:
        from ...files.atomic import scratch_folder
        from ...runs.new_sites.images import read_sites
        from ...runs.new_sites.refit import estimate_new_sites, stored_job
        from ..progress import watch

        given = reading.options()
        with scratch_folder("refit") as out:
            job, where = stored_job(folder, out, data, device, given if data else None, force=force)
            seen = read_sites(folders, protocol, given, watch(), job.dataset)
            found |= estimate_new_sites(folder, job, seen, names, where, watch())
    scores, _ = by_condition(protocol, truth, arrays, drawn=splits)
    measured = {site: scores[site][protocol.metrics[0]].value for site in sites}
    if as_json:
        print_json([_record(site, name, one, measured) for site, by in found.items() for name, one in by.items()])
        return
    print_estimates(console(err=False), f"{card.entry}, seed {card.seed} on {protocol.name}", found, measured)


def _targets(given: list[str] | tuple[str, ...], protocol: Protocol) -> tuple[list[str], list[Path]]:
    """Tell real sites of a protocol from folders of new images.

    Raises:
        MedshiftError: A target is neither, or none is given and the protocol has no real site.
    """
    sites = [name for name in given if name in protocol.targets]
    folders = [Path(name) for name in given if name not in protocol.targets]
    for path in folders:
        if not path.is_dir():
            have = ", ".join(protocol.targets) or "none"
            raise MedshiftError(
                f"--target {path}: neither a folder nor a real site of {protocol.name}, which has {have}."
                f"{near(str(path), protocol.targets)}"
            )
    if not given:
        raise MedshiftError(f"{protocol.name} has no real site: give a folder of new images with --target DIR")
    return sites, folders


def _record(site: str, name: str, found: Estimate, measured: dict[str, float]) -> dict[str, object]:
    from ...estimation.stored import number, record

    known = number(measured[site]) if site in measured else None
    return {"site": site, "estimator": name, **record(found), "measured": known}
