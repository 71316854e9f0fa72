"""A sweep on a Ray cluster: each run is a task, tried again where its worker was lost."""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....shifts.errors import MedshiftError, in_one_line
from ...files.atomic import replace, write_text
from ...submissions import card
from .. import environment
from .outcome import Outcome, SweepProgress
from .planned import PlannedRun
from .signals import HeldBack, held_back
from .task import Order, Returned, carry_out

RETRIES = 3  # on a lost worker; a run that fails by itself is not tried again
TICK = 0.5  # seconds between looks at the tasks
ENDING = 120  # seconds that interrupted runs have to save what they have


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster.

    Args:
        address: `auto`, `HOST:PORT` or `ray://HOST:PORT`.
        threads: CPU threads of each run, and the cores that it asks for; 0 is one.
        device: As for `medshift run`; unless `cpu`, each run asks for one GPU where the cluster has any.
    """

    address: str = "auto"
    threads: int = 0
    device: str = "auto"

    def outcomes(self, runs: Sequence[PlannedRun], out: Path, progress: SweepProgress) -> Iterator[Outcome]:
        """Make runs, and yield the outcome of each as it ends.

        Where workers share the file system of this machine, they write to `out`; from others, submissions are brought
        back as bytes, and written here.

        Raises:
            MedshiftError: Ray is not installed, or no cluster answers at the address.
        """
        ray = _import_ray()
        with held_back() as signals:
            _connect(ray, self.address)
            signals.install()  # again: Ray has set a handler of its own
            try:
                yield from self._outcomes(ray, runs, out, progress, signals)
            finally:
                ray.shutdown()

    def _outcomes(
        self,
        ray: Any,  # noqa: ANN401 - a module
        runs: Sequence[PlannedRun],
        out: Path,
        progress: SweepProgress,
        signals: HeldBack,
    ) -> Iterator[Outcome]:
        mark = out / f".sweep-{secrets.token_hex(8)}"
        waiting: dict[Any, tuple[PlannedRun, float]] = {}
        try:
            write_text(mark, mark.name)
            threads = self.threads or 1
            gpus = 1 if self.device != "cpu" and ray.cluster_resources().get("GPU") else 0
            task = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=RETRIES, max_calls=1)(carry_out)
            code = environment.sources()
            for run in runs:
                waiting[task.remote(self._order(run, out, mark, threads, code))] = run, time.perf_counter()
            while waiting:
                signals.let_through()
                ended, _ = ray.wait(list(waiting), num_returns=1, timeout=TICK)
                for reference in ended:
                    run, begin = waiting.pop(reference)
                    yield _outcome(ray, reference, run, out, time.perf_counter() - begin)
                progress.tick([run for run, _ in waiting.values() if run.lock(out).exists()])
        finally:
            with suppress(Exception):  # whatever else went wrong is what is told
                _cancel(ray, list(waiting), signals)
            with suppress(OSError):
                mark.unlink(missing_ok=True)

    def _order(self, run: PlannedRun, out: Path, mark: Path, threads: int, code: str) -> Order:
        return Order(
            words=tuple(run.words(out, threads, self.device, absolute=True)),
            out=str(out.absolute()),
            folder=str(run.folder(Path())),
            lock=str(run.lock(Path())),
            log=str(run.log(Path())),
            mark=str(mark.absolute()),
            origin=f"{socket.gethostname()}:{out.absolute()}",
            code=code,
            cwd=os.getcwd(),  # noqa: PTH109 - as text
        )


def _import_ray() -> Any:  # noqa: ANN401 - a module
    try:
        import ray
    except ModuleNotFoundError:
        raise MedshiftError("--ray needs Ray: pip install 'medshift[ray]'") from None
    return ray


def _connect(ray: Any, address: str) -> None:  # noqa: ANN401
    import logging

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # ConnectionError, RuntimeError, ValueError and others, as the address is wrong
        raise MedshiftError(
            f"--ray {address}: no Ray cluster answers ({in_one_line(error)[:200]}): start one with `ray start --head`"
        ) from error


def _cancel(ray: Any, references: list[Any], signals: HeldBack) -> None:  # noqa: ANN401
    """Interrupt the runs that are under way and wait until they have saved what they have, or a second signal comes."""
    for reference in references:
        ray.cancel(reference, force=False)
    end = time.monotonic() + ENDING
    while references and time.monotonic() < end:
        _, references = ray.wait(references, num_returns=len(references), timeout=TICK)
        signals.let_through()


def _outcome(ray: Any, reference: Any, run: PlannedRun, out: Path, seconds: float) -> Outcome:  # noqa: ANN401
    try:
        returned: Returned = ray.get(reference)
    except Exception as error:  # the worker was lost more often than it is tried again, or the task cannot be started
        return Outcome(run, "failed", seconds, f"on the cluster: {in_one_line(error)[:300]}")
    log = run.log(out)
    if not returned.shared:
        if returned.log:
            _write(log, returned.log)
        for name in sorted(returned.files, key=lambda name: name == card.CARD_FILE):  # the card last: it means complete
            _write(run.folder(out) / name, returned.files[name])
    if run.is_done(out):
        return Outcome(run, "done", returned.seconds, log=log)
    if returned.elsewhere:
        return Outcome(run, "elsewhere", returned.seconds, log=log)
    reason = returned.reason or "its worker returned no submission"
    return Outcome(run, "failed", returned.seconds, f"{reason} (on {returned.host})", log if log.exists() else None)


def _write(path: Path, content: bytes) -> None:
    with replace(path) as temporary:
        temporary.write_bytes(content)
