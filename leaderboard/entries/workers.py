"""Scores what is not scored yet, in several processes; what was scored before is looked up by its content."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from ...benchmark.scoring import bootstrap
from ...benchmark.scoring.bootstrap import ResampledSplit
from ...benchmark.submissions import submission
from . import cache, entries
from .entries import ProtocolFolder, Seed, in_a_line
from .scoring import Scored, scored

WORTH_PROCESSES = 4  # entries: starting processes takes about a second
Done = tuple[Sequence[Seed], Scored]
_here: dict[str, object] = {}  # what a worker process was started with


def score_all(
    contest: ProtocolFolder,
    asked: Mapping[str, Sequence[Seed]],
    drawn: Mapping[tuple[str, str], ResampledSplit],
    workers: int,
    progress: Callable[[str], None],
) -> tuple[dict[str, Done], list[str]]:
    """Returns name of the entry -> its sound seeds and its scores; and why seeds were refused, one line each.

    Args:
        contest: Protocol and truth.
        asked: Entries, their seeds in order from outside.
        drawn: What `bootstrap.cells` returned.
        workers: Processes at most.
        progress: Called with the name of each entry that is done.
    """
    replicates = len(next(iter(drawn.values())).weights)
    done: dict[str, Done] = {}
    for name, seeds in asked.items():
        there = cache.read(cache.cache_path(contest, name, [seed.hashes for seed in seeds], replicates))
        if there is not None:
            done[name] = (seeds, there)
    missing = {name: seeds for name, seeds in asked.items() if name not in done}
    refused = []
    for name, (kept, found, wrong) in _made(contest, missing, drawn, workers, replicates):
        progress(name)
        refused += wrong
        if found is not None:
            done[name] = (kept, found)
    return done, refused


Made = tuple[Sequence[Seed], Scored | None, list[str]]


def _made(
    contest: ProtocolFolder,
    missing: Mapping[str, Sequence[Seed]],
    drawn: Mapping[tuple[str, str], ResampledSplit],
    workers: int,
    replicates: int,
) -> Sequence[tuple[str, Made]]:
    """Returns what was made of each entry, here or in other processes."""
    if workers < 2 or len(missing) < WORTH_PROCESSES:
        return [(name, score_entry(contest, name, seeds, drawn)) for name, seeds in missing.items()]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, _start, (contest.folder, replicates)) as pool:
        futures = {name: pool.submit(_score_entry, name, list(seeds)) for name, seeds in missing.items()}
        return [(name, future.result()) for name, future in futures.items()]


def score_entry(
    contest: ProtocolFolder, name: str, seeds: Sequence[Seed], drawn: Mapping[tuple[str, str], ResampledSplit]
) -> Made:
    """Returns the seeds whose predictions are in order, their scores (None where none is), and why others are refused.

    The scores are kept for the next time.
    """
    kept, arrays, refused = [], [], []
    for seed in seeds:
        problems, _, given = submission.examine(seed.folder, contest.protocol, contest.truth)
        if problems:
            refused.append(in_a_line(seed.folder, problems))
        else:
            kept.append(seed)
            arrays.append(given)
    if not kept:
        return [], None, refused
    replicates = len(next(iter(drawn.values())).weights)
    path = cache.cache_path(contest, name, [seed.hashes for seed in kept], replicates)
    found = cache.read(path)
    if found is None:
        found = scored(contest, name, arrays, drawn)
        cache.write(found, path)
    return kept, found, refused


def _start(folder: Path, replicates: int) -> None:
    contest = entries.protocol_folder(folder)
    _here.update(contest=contest, drawn=bootstrap.resampled_splits(contest.protocol, contest.truth, replicates))


def _score_entry(name: str, seeds: Sequence[Seed]) -> Made:
    return score_entry(_here["contest"], name, seeds, _here["drawn"])  # type: ignore[arg-type]
