"""Score entries in several processes, unless their scores are in the cache."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ...benchmark.scoring import bootstrap
from ...benchmark.scoring.bootstrap import ResampledSplit
from ...benchmark.scoring.scores import board_metrics
from ...benchmark.submissions import submission
from . import cache
from .entries import ProtocolFolder, Seed, protocol_folder, refusal_line
from .scoring import Scored, score_seeds

WORTH_PROCESSES = 16  # entries: starting processes takes as long as scoring about so many
Splits = Mapping[tuple[str, str], ResampledSplit]
ScoredSeeds = tuple[Sequence[Seed], Scored]
Result = tuple[Sequence[Seed], Scored | None, list[str]]  # sound seeds, their scores, why others are refused
_state: dict[str, object] = {}  # set when a worker process starts


def score_all(
    folder: ProtocolFolder,
    checked: Mapping[str, Sequence[Seed]],
    splits: Splits,
    workers: int,
    progress: Callable[[str], None],
) -> tuple[dict[str, ScoredSeeds], list[str]]:
    """Score all entries, from the cache where possible.

    Args:
        folder: Protocol and truth.
        checked: Name of each entry -> its seeds that passed the preflight check.
        splits: Result of `bootstrap.resampled_splits`.
        workers: Largest number of processes.
        progress: Called with the name of each entry that is scored.

    Returns:
        Name of each entry -> its sound seeds and its scores; and one line for each seed that is refused.
    """
    replicates = len(next(iter(splits.values())).weights)
    done: dict[str, ScoredSeeds] = {}
    for name, seeds in checked.items():
        cached = cache.read(cache.cache_path(folder, name, [seed.hashes for seed in seeds], replicates))
        if cached is not None:
            done[name] = (seeds, cached)
    missing = {name: seeds for name, seeds in checked.items() if name not in done}
    refused = []
    for name, (kept, found, wrong) in _score_missing(folder, missing, splits, workers, replicates):
        progress(name)
        refused += wrong
        if found is not None:
            done[name] = (kept, found)
    return done, refused


def _score_missing(
    folder: ProtocolFolder, missing: Mapping[str, Sequence[Seed]], splits: Splits, workers: int, replicates: int
) -> Sequence[tuple[str, Result]]:
    """Score entries in this process or, where there are enough of them, in others."""
    if workers < 2 or len(missing) < WORTH_PROCESSES:
        return [(name, score_entry(folder, name, seeds, splits)) for name, seeds in missing.items()]
    # deferred, and not the standard library's: that one runs the caller's script again in every worker
    from loky import ProcessPoolExecutor

    with ProcessPoolExecutor(workers, initializer=_start, initargs=(folder.path, replicates)) as pool:
        futures = {name: pool.submit(_score_in_worker, name, list(seeds)) for name, seeds in missing.items()}
        try:
            return [(name, future.result()) for name, future in futures.items()]
        except KeyboardInterrupt:
            pool.shutdown(wait=False, kill_workers=True)  # what has not begun would still be scored
            raise


def score_entry(folder: ProtocolFolder, name: str, seeds: Sequence[Seed], splits: Splits) -> Result:
    """Check the predictions of an entry's seeds, score those that are sound, and cache the scores.

    Returns:
        The sound seeds, their scores (None if there is none), and one line for each seed that is refused.
    """
    kept, arrays, scores, refused = [], [], [], []
    protocol, metrics = folder.protocol, board_metrics(folder.protocol)
    for seed in seeds:
        seen = submission.examine_and_score(seed.folder, protocol, folder.truth, splits, metrics, folder.expected)
        if seen.problems or seen.scores is None:
            refused.append(refusal_line(seed.folder, seen.problems))
        else:
            kept.append(seed)
            arrays.append(seen.arrays)
            scores.append(seen.scores)
    if not kept:
        return [], None, refused
    replicates = len(next(iter(splits.values())).weights)
    path = cache.cache_path(folder, name, [seed.hashes for seed in kept], replicates)
    found = cache.read(path)
    if found is None:
        without = [seed.card.rejections or {} for seed in kept]
        found = score_seeds(folder, name, arrays, scores, splits, without)
        cache.write(found, path)
    return kept, found, refused


def _start(path: Path, replicates: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes: the first one ends the others
    folder = protocol_folder(path)
    _state.update(folder=folder, splits=bootstrap.resampled_splits(folder.protocol, folder.truth, replicates))
    gc.freeze()  # see `garbage`


def _score_in_worker(name: str, seeds: Sequence[Seed]) -> Result:
    return score_entry(_state["folder"], name, seeds, _state["splits"])  # type: ignore[arg-type]
