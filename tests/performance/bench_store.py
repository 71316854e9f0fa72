"""Import, opening and reading of 100,000 images of 64 x 64, and the memory that each takes at most.

    python tests/performance/bench_store.py [IMAGES]

Each step runs in a process of its own, so that its peak memory is its own. The pass is compared with a copy of the same
bytes out of a plain `numpy.memmap`, alternating, both from the page cache.
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
    """Writes `count` grey PNG files, a hundred to a folder, and their manifest: 4 sites, 2 classes, 4 to a patient."""
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
    """Returns memory that was resident, in MiB: the most with mapped files, which can be dropped, and now without."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "own_mib_at_end": int(status["RssAnon"].split()[0]) / 1024,
    }


def bring_in(where: Path) -> dict[str, float]:
    """Imports, and returns seconds and memory; `before` is that of the imports of modules alone."""
    from medshift.benchmark.datasets.importing.add import add
    from medshift.benchmark.datasets.importing.options import Options

    before = memory()["peak_mib"]
    begin, worked = time.perf_counter(), time.process_time()
    add("bench", where, Options())
    spent = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - worked}
    return {**spent, "before_mib": before, **memory()}


def opening() -> dict[str, float]:
    """Opens, and returns seconds (of the call alone, modules being loaded) and memory."""
    from medshift.benchmark.datasets import registry

    begin, worked = time.perf_counter(), time.process_time()
    dataset = registry.load_dataset("bench")
    spent = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - worked}
    assert len(dataset.table) == len(dataset.pixels)
    return {**spent, **memory()}


def reading() -> dict[str, float]:
    """Passes over all images in batches, as the harness does, beside a plain copy of the file; the median of rounds."""
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
    """Runs one of the functions above in a new process and returns what it returns."""
    environment = {**os.environ, "MEDSHIFT_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, __file__, name, *words], env=environment, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def test_store(benchmark, tmp_path):
    """The same at a thousandth of the size under pytest-benchmark, for the shape of it."""
    write(tmp_path / "in", 200)
    found = benchmark.pedantic(step, ("import", tmp_path / "home", str(tmp_path / "in")), rounds=1)
    benchmark.extra_info.update(found)


def main() -> None:
    """Runs a step, or all of them."""
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
