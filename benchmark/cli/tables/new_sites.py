"""Folders of images without labels that `run` and `test` take: read before the run, estimated after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ....shifts.errors import MedshiftError
from ...reporting.numbers import format_estimate
from ..reading import DataOptions, ReadingOptions

if TYPE_CHECKING:
    import torch

    from ...datasets.dataset import Dataset
    from ...datasets.importing.options import Options
    from ...protocols.protocol import Protocol
    from ...runs.job import Job
    from ...runs.new_sites.images import NewSites


def require_folders(folders: list[Path] | None) -> None:
    """Raise MedshiftError unless what `--unlabelled` names are folders: looked at before anything slow."""
    for folder in folders or ():
        if not folder.is_dir():
            raise MedshiftError(f"--unlabelled {folder}: not a folder; give a folder of images of one site")


def reading_of_data(folders: list[Path] | None, data: DataOptions, reading: ReadingOptions) -> ReadingOptions:
    """Return how the labelled data are read: beside a stored data set, options are for `--unlabelled` folders."""
    return ReadingOptions() if folders and data.data is None else reading


def new_sites(folders: list[Path] | None, protocol: Protocol, options: Options, dataset: Dataset) -> NewSites:
    """Read the folders of `--unlabelled`, on the scale of the model's data; none without it.

    Raises:
        MedshiftError: One cannot be read, or the protocol ranks by a figure that is not estimated.
    """
    if not folders:
        return {}
    from ...estimation.stored import require_supported
    from ...runs.new_sites.images import read_sites
    from ..progress import watch

    require_supported(protocol)
    return read_sites(folders, protocol, options, watch(), dataset)


def new_site_lines(sites: NewSites, job: Job, device: torch.device) -> list[str]:
    """Write the estimate at each new site, for the summary; its labels are nowhere, so nothing stands beside it."""
    if not sites:
        return []
    from ...estimation.registry import OWN
    from ...runs.new_sites.refit import estimate_new_sites
    from ..progress import watch

    found = estimate_new_sites(job.folder, job, sites, [OWN], device, watch())
    lines = []
    for site, by_name in found.items():
        one = by_name[OWN]
        text = format_estimate(one.value, one.low, one.high) if one.given else f"no estimate ({one.reason})"
        lines.append(f"{site}: balanced accuracy estimated without labels, with 90 % interval: {text}")
    return lines
