"""Write docs/reference/performance.md from the JSON of passes of bench_shifts.py: `report.py bench-?.json > FILE`."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

from performance.peers import BESIDE, FOUR

SIZES = ("64x3x96x96", "32x3x224x224", "4x1x96x96x96")
ALL = (*FOUR, BESIDE)


def read(paths: list[Path]) -> tuple[dict[tuple[str, str, str], float], dict[str, object]]:
    """Return (size, shift, who) -> seconds per batch, the minimum over all rounds of all passes; and the machine."""
    seconds: dict[tuple[str, str, str], float] = {}
    for path in paths:
        found = json.loads(path.read_text())
        for row in found["benchmarks"]:
            info = row["extra_info"]
            key, spent = (info["size"], info["shift"], info["who"]), row["stats"]["min"] * info["scale"]
            seconds[key] = min(spent, seconds.get(key, spent))
    timer = found["benchmarks"][0]["options"]["timer"]
    return seconds, {**found["machine_info"], "timer": timer}


def table(
    seconds: dict[tuple[str, str, str], float], size: str
) -> tuple[list[str], dict[str, float], dict[str, float]]:
    """Return the table of one size, and for shifts with peers the ratios to their median and to their fastest."""
    copy = seconds[size, "", "copy"]
    lines = [
        f"| shift | ms per batch | copies | {' | '.join(ALL)} | fastest of the four |",
        "|---|--:|--:|" + "--:|" * (len(ALL) + 1),
    ]
    typical, fastest = {}, {}
    for shift in [name for at, name, who in seconds if at == size and who == "medshift"]:
        ours = seconds[size, shift, "medshift"]
        ratios = {who: seconds[size, shift, who] / ours for who in ALL if (size, shift, who) in seconds}
        four = [ratio for who, ratio in ratios.items() if who in FOUR]
        if four:
            typical[shift], fastest[shift] = statistics.median(four), min(four)
        cells = [f"{ratios[who]:.2g}" if who in ratios else "" for who in ALL]
        best = f"**{min(four):.2g}**" if four and min(four) < 1 else f"{min(four):.2g}" if four else ""
        lines.append(f"| {shift} | {ours * 1e3:.1f} | {ours / copy:.0f} | {' | '.join(cells)} | {best} |")
    return lines, typical, fastest


def main(paths: list[Path]) -> None:
    """Print the page."""
    seconds, machine = read(paths)
    cpu = machine["cpu"]
    wall = machine["timer"] == "perf_counter"
    clock = "seconds of wall time" if wall else "CPU seconds of all threads (a second thread gains nothing)"
    print("# Performance of the shifts\n")
    print(
        f"{len(paths)} passes of `tests/performance/bench_shifts.py` (`make bench`), 2 threads, "
        f"{cpu.get('brand_raw', 'unknown processor')}, Python {machine['python_version']}. The minimum over all "
        f"rounds, in {clock}, because a virtual machine may lose half of a core for seconds at a time.\n\n"
        "A batch goes through `medshift.shifts.apply_shift` at severity 3, with the checks of input and output and all "
        "random draws. The column of a library gives the ratio of its time for the same corruption, image by image, in "
        "the library's own form of an image and without conversion, to medshift's: above 1, medshift is faster. "
        "`medmnistc` reimplements MedMNIST-C's published corruptions. `albumentations` works on 8-bit tables and is "
        "not one of the four. `copies` is medshift's time in copies of the batch, the lower bound.\n"
    )
    summary = [
        "| batch | shifts with a peer | median ratio | median to the fastest | slower than the fastest of the four |"
    ]
    summary.append("|---|--:|--:|--:|---|")
    pages = []
    for size in SIZES:
        lines, typical, fastest = table(seconds, size)
        slower = ", ".join(f"{name} ({ratio:.2f})" for name, ratio in fastest.items() if ratio < 1) or "none"
        summary.append(
            f"| {size} | {len(typical)} | {statistics.median(typical.values()):.1f} | "
            f"{statistics.median(fastest.values()):.1f} | {slower} |"
        )
        pages += [f"\n## {size}\n", *lines]
    print("\n".join(summary))
    forward = seconds["64x3x96x96", "", "forward"]
    print("\n## Compared with a network's forward pass\n")
    print(
        f"`tf_efficientnet_lite0` takes {forward * 1e3:.0f} ms for 64 images of 96 x 96 pixels. "
        "Generating a condition takes"
    )
    print("on average, over the shifts that a protocol selects for the modality:\n")
    print("| batch | ms | share of the forward pass |\n|---|--:|--:|")
    for (size, _, who), spent in seconds.items():
        if who == "conditions":
            print(f"| {size} | {spent * 1e3:.1f} | {spent / forward:.1%} |")
    print("\n".join(pages))
    print(Path(__file__).with_name("notes.md").read_text().rstrip())


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
