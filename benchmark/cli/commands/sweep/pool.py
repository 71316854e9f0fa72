"""The options that say where many runs are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

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

    def pool(self) -> Workers | Cluster:
        """Return what makes the runs."""
        from ....runs.sweeps.cluster import Cluster
        from ....runs.sweeps.local import Workers

        if self.ray:
            return Cluster(self.ray, self.threads, self.device)
        return Workers(self.workers, self.threads, self.device)
