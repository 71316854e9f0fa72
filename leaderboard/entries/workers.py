"""Score entries in several processes, unless their scores are in the cache."""

from __future__ import annotations

import gc
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ...benchmark.scoring import bootstrap
from ...benchmark.scoring.bootstrap import ResampledSplit
from ...benchmark.scoring.scores import board_metrics
from ...benchmark.submissions import submission
from . import cache
from .entries import (
    Entry,
    ProtocolFolder,
    Seed,
    check_seeds,
    fingerprints,
    image_sets,
    preflights,
    protocol_folder,
    refusal_line,
)
from .garbage import set_aside
from .scoring import Scored, score_seeds

WORTH_PROCESSES = 16  # entries: starting processes takes as long as scoring about so many
# glibc would give back each table of a megabyte and ask for it again; other systems do not read this
KEPT_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}
Splits = Mapping[tuple[str, str], ResampledSplit]
ScoredSeeds = tuple[Sequence[Seed], Scored]
Result = tuple[Sequence[Seed], Scored | None, list[str]]  # sound seeds, their scores, why others are refused
_state: dict[str, object] = {}  # set when a worker process starts


def score_all(
    folder: ProtocolFolder,
    entries: Sequence[Entry],
    splits: Splits,
    workers: int,
    progress: Callable[[str], None],
) -> tuple[dict[str, ScoredSeeds], list[str]]:
    """Check and score all entries, from the cache where possible.

    Args:
        folder: Protocol and truth.
        entries: The entries.
        splits: Result of `bootstrap.resampled_splits`.
        workers: Largest number of processes.
        progress: Called with the name of each entry that is scored.

    Returns:
        Name of each entry -> its sound seeds and its scores; and one line for each seed that is refused.
    """
    replicates = len(next(iter(splits.values())).weights)
    done: dict[str, ScoredSeeds] = {}
    refused: list[str] = []
    with set_aside():
        for entry in entries:
            if known := _known(folder, entry, replicates):
                done[entry.name] = known
    missing = [entry for entry in entries if entry.name not in done]
    for name, (kept, found, wrong) in _score_missing(folder, missing, splits, workers, replicates):
        refused += wrong
        if found is not None:
            progress(name)
            done[name] = (kept, found)
    other = _of_other_images(done)
    refused += [
        f"{folder.path / name}: made with other images under the same names than most entries here, so that it is not "
        "comparable: run it again on those"
        for name in other
    ]
    return {name: each for name, each in done.items() if name not in other}, refused


def _of_other_images(done: Mapping[str, ScoredSeeds]) -> list[str]:
    """Name the entries that were made with other images than most; of sets that are as frequent, the first stays."""
    images = {name: each for name, (seeds, _) in sorted(done.items()) for each in image_sets(seeds)}
    if len(set(images.values())) < 2:
        return []
    usual = Counter(images.values()).most_common(1)[0][0]
    return [name for name, each in images.items() if each != usual]


def _known(folder: ProtocolFolder, entry: Entry, replicates: int) -> ScoredSeeds | None:
    """Return an entry's seeds and scores if all of them are sound, and the scores are in the cache."""
    hashes = fingerprints(folder, entry)
    if not all(hashes):
        return None
    found = cache.read(cache.cache_path(folder, entry.name, hashes, replicates))
    if found is None:
        return None
    seeds, _ = check_seeds(folder, entry, preflights(folder, entry, hashes))
    return (seeds, found) if len(seeds) == len(hashes) else None


def _score_missing(
    folder: ProtocolFolder, missing: Sequence[Entry], splits: Splits, workers: int, replicates: int
) -> Sequence[tuple[str, Result]]:
    """Score entries in this process or, where there are enough of them, in others."""
    if workers < 2 or len(missing) < WORTH_PROCESSES:
        return [(entry.name, score_entry(folder, entry, splits)) for entry in missing]
    # deferred, and not the standard library's: that one runs the caller's script again in every worker
    from loky import ProcessPoolExecutor

    pool = ProcessPoolExecutor(workers, env=KEPT_MEMORY, initializer=_start, initargs=(folder.path, replicates))
    interrupted = True
    try:
        futures = {entry.name: pool.submit(_score_in_worker, entry) for entry in missing}
        found = [(name, future.result()) for name, future in futures.items()]
        interrupted = False
    finally:
        # once: leaving the pool as a context would shut it down again, and let what has not begun be scored first
        pool.shutdown(kill_workers=interrupted)
    return found


def score_entry(folder: ProtocolFolder, entry: Entry, splits: Splits) -> Result:
    """Check an entry's seeds and their predictions, score those that are sound, and cache the scores.

    Returns:
        The sound seeds, their scores (None if there is none), and one line for each seed that is refused.
    """
    kept, arrays, scores = [], [], []
    protocol, metrics = folder.protocol, board_metrics(folder.protocol)
    checked = preflights(folder, entry)
    seeds, refused = check_seeds(folder, entry, checked)
    found = _cached(folder, entry, seeds, splits)  # where other seeds are refused, the parent does not know it
    if found is not None:
        return seeds, found, refused
    of_folder = dict(zip(entry.folders, checked, strict=True))
    for seed in seeds:
        seen = submission.examine_and_score(
            seed.folder, protocol, folder.truth, splits, metrics, folder.expected, of_folder[seed.folder]
        )
        if seen.problems or seen.scores is None:
            refused.append(refusal_line(seed.folder, seen.problems))
        else:
            kept.append(seed)
            arrays.append(seen.arrays)
            scores.append(seen.scores)
    found = _cached(folder, entry, kept, splits)
    if kept and found is None:
        without = [seed.card.rejections or {} for seed in kept]
        found = score_seeds(folder, entry.name, arrays, scores, splits, without)
        cache.write(found, _path(folder, entry, kept, splits))
    return kept, found, refused


def _cached(folder: ProtocolFolder, entry: Entry, seeds: Sequence[Seed], splits: Splits) -> Scored | None:
    """Return the scores of sound seeds, if they are in the cache."""
    return cache.read(_path(folder, entry, seeds, splits)) if seeds else None


def _path(folder: ProtocolFolder, entry: Entry, seeds: Sequence[Seed], splits: Splits) -> Path:
    replicates = len(next(iter(splits.values())).weights)
    return cache.cache_path(folder, entry.name, [seed.hashes for seed in seeds], replicates)


def _start(path: Path, replicates: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all processes: the first one ends the others
    folder = protocol_folder(path)
    _state.update(folder=folder, splits=bootstrap.resampled_splits(folder.protocol, folder.truth, replicates))


def _score_in_worker(entry: Entry) -> Result:
    found = score_entry(_state["folder"], entry, _state["splits"])  # type: ignore[arg-type]
    if not _state.get("imported"):  # much is imported by the first entry, and the pool collects garbage every second
        gc.freeze()
        _state["imported"] = True
    return found
