"""Peak memory of `medshift run` on stored sets of 10,000 and 40,000 images of 3 x 256 x 256: 1.9 and 7.9 GB.

    python tests/performance/bench_memory.py [--images 10000,40000] [--home DIR] [--threads N] [--set KEY=VALUE]

Each run is a process of its own, whose largest resident memory counts, mapped files included. It needs twice the disk
of the larger set; all is deleted at the end. Nearly all images are in the source's training split.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SHAPE = (3, 256, 256)
BLOCK = 100  # images
HELD_OUT = 16  # images of source validation, of its test, and of the target's test
RUN = ["--device", "cpu", "--source", "site-a", "--baseline", "cbr-tiny", "--shifts", "gamma", "--severities", "3"]


def store(name: str, count: int) -> None:
    """Store a set: noise with a brighter square in half of the images, the same block again and again."""
    from medshift.benchmark.datasets.importing.pack import Content, pack

    rng = np.random.default_rng(0)
    base = rng.integers(0, 128, (BLOCK, *SHAPE), dtype=np.uint8)
    labels = np.arange(count) % 2
    base[labels[:BLOCK] == 1, :, 64:128, 64:128] += 100
    splits = np.full(count, "train", dtype=object)
    for place, split in enumerate(("val", "test", "test")):
        splits[place * HELD_OUT : (place + 1) * HELD_OUT] = split
    domains = np.where((np.arange(count) >= 2 * HELD_OUT) & (np.arange(count) < 3 * HELD_OUT), "site-b", "site-a")
    names = [f"{index:06d}" for index in range(count)]
    table = pd.DataFrame({"sample_id": names, "label": labels, "domain": domains, "group": names, "split": splits})

    def blocks() -> Iterator[NDArray[Any]]:
        for start in range(0, count, BLOCK):
            yield np.roll(base[: count - start], start // BLOCK, axis=-1)

    pack(name, Content(table, SHAPE, "uint8", ("no", "yes"), "fundus"), blocks())


def run(name: str, home: Path, threads: int, settings: list[str]) -> tuple[float, float]:
    """Run `medshift run` in a process of its own; return its largest resident memory in GiB, and seconds."""
    words = ["run", "--dataset", name, *RUN, *(f"--set={setting}" for setting in settings)]
    words += [f"--threads={threads}", f"--out={home / name}"]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "medshift.benchmark.cli", *words], env={**os.environ, "MEDSHIFT_HOME": str(home)}
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss / (1 << 20), time.perf_counter() - begin


def main() -> None:
    """Make the sets, run on each, and print the peaks."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", default="10000,40000")
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], help="Of the baseline; steps=20 by default.")
    given = parser.parse_args()
    counts = [int(word) for word in given.images.split(",")]
    home = Path(tempfile.mkdtemp(dir=given.home))
    os.environ["MEDSHIFT_HOME"] = str(home)
    peaks = []
    try:
        for count in counts:
            needed = 2 * count * int(np.prod(SHAPE)) + (1 << 30)
            assert shutil.disk_usage(home).free > needed, f"{needed / 1e9:.0f} GB of disk are needed in {home}"
            store(f"noise-{count}", count)
            peak, seconds = run(f"noise-{count}", home, given.threads, given.set or ["steps=20"])
            size = count * int(np.prod(SHAPE)) / 1e9
            print(f"{count:,} images, {size:.1f} GB: at most {peak:.2f} GiB resident, {seconds:.0f} s", flush=True)
            peaks.append(peak)
            for part in ("data", "grants"):
                shutil.rmtree(home / part, ignore_errors=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(f"largest / smallest: {max(peaks) / min(peaks):.2f}")


def test_memory(benchmark, tmp_path, monkeypatch):
    """The script at a small size under pytest-benchmark, to keep it working."""
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    store("small", 256)
    benchmark.pedantic(run, ("small", tmp_path, 1, ["steps=1"]), rounds=1)


if __name__ == "__main__":
    main()
