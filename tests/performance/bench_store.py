"""Time and peak memory of importing, opening and reading 100,000 images of 64 x 64.

    python tests/performance/bench_store.py [IMAGES]

Each step runs in a separate process, so that its peak memory is its own. Reading alternates with a copy of the same
bytes from a plain `numpy.memmap`, both from the page cache.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

COUNT = 100_000
SIDE = 64
BATCH = 64
ROUNDS = 7


def write(where: Path, count: int) -> None:
    """Write `count` grey PNG files, 100 per folder, and their manifest: 4 sites, 2 classes, 4 images per patient."""
    rng = np.random.default_rng(0)
    tiles = rng.integers(0, 256, (997, SIDE, SIDE), dtype=np.uint8) >> 2
    lines = ["image,label,domain,split_group"]
    for index in range(count):
        name = f"{index // 100:04d}/{index % 100:02d}.png"
        if index % 100 == 0:
            (where / name).parent.mkdir(parents=True)
        Image.fromarray(np.roll(tiles[index % 997], index // 997)).save(where / name, compress_level=1)
        lines.append(f"{name},{'ab'[index // 4 % 2]},site{index % 4},p{index // 16}-{index % 4}")
    (where / "manifest.csv").write_text("\n".join(lines) + "\n")


def memory() -> dict[str, float]:
    """Return resident memory in MiB: the peak including mapped files, which can be dropped, and now without them."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "own_mib_at_end": int(status["RssAnon"].split()[0]) / 1024,
    }


def bring_in(where: Path) -> dict[str, float]:
    """Import the images and return seconds and memory; `before` is the memory after importing the modules."""
    from medshift.benchmark.datasets.importing.add import add
    from medshift.benchmark.datasets.importing.options import Options

    before = memory()["peak_mib"]
    begin, worked = time.perf_counter(), time.process_time()
    add("bench", where, Options())
    spent = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - worked}
    return {**spent, "before_mib": before, **memory()}


def opening() -> dict[str, float]:
    """Open the data set and return seconds (of the call, without loading modules) and memory."""
    from medshift.benchmark.datasets import registry

    begin, worked = time.perf_counter(), time.process_time()
    dataset = registry.load_dataset("bench")
    spent = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - worked}
    assert len(dataset.table) == len(dataset.pixels)
    return {**spent, **memory()}


def reading() -> dict[str, float]:
    """Read all images in batches, as the harness does, and copy the plain file; return the medians over rounds."""
    from medshift.benchmark.datasets import registry, store

    dataset = registry.load_dataset("bench")
    path = store.folder("bench") / store.PIXELS
    plain = np.memmap(path, dtype=np.uint8, mode="r")
    order = np.random.default_rng(0).permutation(len(dataset.pixels))
    step = BATCH * SIDE * SIDE
    spent: dict[str, list[float]] = {"plain": [], "ordered": [], "shuffled": []}
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for start in range(0, plain.size, step):
            plain[start : start + step].copy()
        spent["plain"].append(time.perf_counter() - begin)
        for name, rows in (("ordered", np.arange(len(order))), ("shuffled", order)):
            begin = time.perf_counter()
            for start in range(0, len(rows), BATCH):
                dataset.pixels[rows[start : start + BATCH]]
            spent[name].append(time.perf_counter() - begin)
    medians = {f"{name}_gb_s": plain.size / statistics.median(times) / 1e9 for name, times in spent.items()}
    ratios = {
        f"{name}_of_plain": statistics.median(p / t for p, t in zip(spent["plain"], spent[name], strict=True))
        for name in ("ordered", "shuffled")
    }
    return {**medians, **ratios, **memory()}


def step(name: str, home: Path, *words: str) -> dict[str, float]:
    """Run one of the functions above in a new process and return its result."""
    environment = {**os.environ, "MEDSHIFT_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, __file__, name, *words], env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def test_store(benchmark, tmp_path):
    """The import at a small size under pytest-benchmark, to keep this script working."""
    write(tmp_path / "in", 200)
    found = benchmark.pedantic(step, ("import", tmp_path / "home", str(tmp_path / "in")), rounds=1)
    benchmark.extra_info.update(found)


def main() -> None:
    """Run one step, or all of them."""
    words = sys.argv[1:]
    steps = {"import": lambda: bring_in(Path(words[1])), "open": opening, "read": reading}
    if words and words[0] in steps:
        print(json.dumps(steps[words[0]]()))
        return
    count = int(words[0]) if words else COUNT
    with tempfile.TemporaryDirectory() as folder:
        where, home = Path(folder) / "in", Path(folder) / "home"
        write(where, count)
        found = {name: step(name, home, *([str(where)] if name == "import" else [])) for name in steps}
    for name, figures in found.items():
        print(f"{name}: " + ", ".join(f"{key} {value:.3g}" for key, value in figures.items()))
    assert found["open"]["seconds"] < 1
    assert found["read"]["ordered_of_plain"] >= 0.5


if __name__ == "__main__":
    main()
