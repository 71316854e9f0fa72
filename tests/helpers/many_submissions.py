"""Many submissions made quickly, to time the leaderboard: 199 conditions of 1,000 samples each.

Twenty files of predictions are made and hard-linked a thousand times, each beside its own card. The leaderboard gains
nothing from that: every file is hashed, and scores are cached by entry.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from helpers import factories as fabricate

from medshift.benchmark.files.atomic import sha256
from medshift.benchmark.scoring import bootstrap
from medshift.benchmark.submissions.card import CARD_FILE
from medshift.benchmark.submissions.predictions import PREDICTIONS_FILE
from medshift.leaderboard.entries import cache, workers
from medshift.leaderboard.entries.entries import Entry, protocol_folder

FAMILIES = ("noise", "contrast", "resolution", "artefact")
SHIFTS = {f"shift-{index:02d}": FAMILIES[index % 4] for index in range(39)}
KINDS = 20
SEES = ("source", "target-unlabelled", "test-batches")


def make(root: Path, count: int, groups: int = 100, per_group: int = 10) -> Path:
    """Write `count` submissions, one per entry, and return the folder of their protocol."""
    rows = fabricate.table(groups=groups, per_group=per_group)
    place, protocol, _ = fabricate.contest(root, rows, shifts=SHIFTS, severities=(1, 2, 3, 4, 5))
    kinds = []
    for kind in range(min(KINDS, count)):
        folder = fabricate.submission(place, protocol, rows, f"kind-{kind}", kind, skill=0.5 + 0.15 * kind)
        kinds.append(folder.rename(root / f"kind-{kind}"))
        folder.parent.rmdir()
    for number in range(count):
        kind = number % len(kinds)
        folder = place / f"method-{number:04d}" / f"seed-{kind}"
        folder.mkdir(parents=True)
        os.link(kinds[kind] / PREDICTIONS_FILE, folder / PREDICTIONS_FILE)
        card = json.loads((kinds[kind] / CARD_FILE).read_text())
        card["entry"] = card["baseline"]["name"] = folder.parent.name
        card["baseline"]["sees"] = SEES[number % 3]
        (folder / CARD_FILE).write_text(json.dumps(card))
    return place


def prime(place: Path) -> None:
    """Cache the scores of all entries, computing each kind once: with one seed they do not depend on the name."""
    protocol = protocol_folder(place)
    drawn = bootstrap.resampled_splits(protocol.protocol, protocol.truth)
    made = {}
    for folder in sorted(place.iterdir()):
        if not folder.is_dir():
            continue
        (seed,) = folder.iterdir()
        if seed.name not in made:
            _, made[seed.name], refused = workers.score_entry(protocol, Entry(folder.name, (seed,)), drawn)
            assert not refused
        hashes = [(sha256(seed / CARD_FILE), sha256(seed / PREDICTIONS_FILE))]
        cache.write(made[seed.name], cache.cache_path(protocol, folder.name, hashes, bootstrap.REPLICATES))


def build(root: Path, out: Path) -> tuple[float, float]:
    """Build the page in a separate process; return seconds and the peak GiB of it or one of its children."""
    words = [sys.executable, "-m", "medshift.benchmark.cli", "leaderboard", str(root), "--out", str(out)]
    begin = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
