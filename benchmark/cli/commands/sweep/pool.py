"""The options that say where many runs are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from .....shifts.errors import MedshiftError
from ...options import Device

if TYPE_CHECKING:
    from ....runs.sweeps.cluster import Cluster
    from ....runs.sweeps.local import Workers


@dataclass(frozen=True)
class PoolOptions:
    """Workers on this machine, or a Ray cluster."""

    workers: Annotated[int, typer.Option(help="Runs at a time on this machine.", min=1)] = 1
    ray: Annotated[
        str, typer.Option(metavar="auto|ADDRESS", help="Run on this Ray cluster; needs the extra `ray`.")
    ] = ""
    device: Device = "auto"
    threads: Annotated[
        int,
        typer.Option(
            help="CPU threads of each run; 0: its share of the cores, on Ray 1. Other threads, other bytes.", min=0
        ),
    ] = 0

    def __post_init__(self) -> None:
        if self.ray and self.workers != 1:
            raise MedshiftError("--workers is for this machine: with --ray, the cluster says how many runs fit")

    @property
    def at_a_time(self) -> int | None:
        """Number of runs at a time; None where the cluster decides."""
        return None if self.ray else self.workers

    def pool(self) -> Workers | Cluster:
        """Return what makes the runs."""
        from ....runs.sweeps.cluster import Cluster
        from ....runs.sweeps.local import Workers

        if self.ray:
            return Cluster(self.ray, self.threads, self.device)
        return Workers(self.workers, self.threads, self.device)
