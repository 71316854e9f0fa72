"""A hospital's folder from audit to page: will a network trained on scanner A survive the new scanner B?

python examples/hospital_folder.py OUT
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
data = out / "data"

# domain/class/image, the patient in the file name: scanner B is a little brighter, noisier and less sharp.
random = np.random.default_rng(0)
for scanner, level, noise in (("scanner-a", 80, 8), ("scanner-b", 92, 11)):
    for patient in range(40):
        label = ("clear", "lesion")[patient % 2]
        for number in range(4):
            pixels = random.normal(level + random.normal(0, 12), noise, (32, 32))
            if label == "lesion":
                row, column = random.integers(6, 20, 2)
                pixels[row : row + 6, column : column + 6] += 55
            if scanner == "scanner-b":
                pixels = (pixels + np.roll(pixels, 1, 0) + np.roll(pixels, 1, 1)) / 3
            path = data / scanner / label / f"patient{patient:02d}{scanner[-1]}-{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


def medshift(*words: object) -> None:
    """Run one command, as you would in a terminal."""
    print("$ medshift", *words)
    subprocess.run([sys.executable, "-m", "medshift.benchmark.cli", *map(str, words)], check=True)


# 1. Read every file once. What is stored stays in this example's folder; without this line, in your cache folder.
os.environ["MEDSHIFT_HOME"] = str((out / "home").resolve())
medshift("data", "add", "ward", data, "--group-pattern", r"(patient\d+.)", "--modality", "mr")

# 2. Can these data be trusted? Leaks, duplicates, shortcuts, and how the scanners differ.
medshift("data", "audit", "ward", "--source", "scanner-a", "--images", 20, "--out", out / "audit.html")

# 3. Train on scanner A, test on B and on synthesized shifts. A real run leaves --set and --shifts out.
run = ("--source", "scanner-a", "--shifts", "gamma,rician-noise,psf-blur", "--severities", "3", "--set", "steps=100")
medshift("run", "--baseline", "cbr-tiny", "--dataset", "ward", *run, "--out", out / "submissions")

# 4. The page, and every figure as a table.
medshift("leaderboard", out / "submissions", "--out", out / "site")
scores = pd.read_csv(out / "site" / "scores.csv")
scores = scores[(scores.metric == "balanced_accuracy") & (scores.kind == "condition")].set_index("name")
shown = scores[~scores.index.str.endswith("/val")].sort_values("value")
reach = (shown.value - shown.low, shown.high - shown.value)
axis = shown.plot.barh(
    y="value", xerr=reach, legend=False, figsize=(7, 3), xlim=(0, 1), xlabel="balanced accuracy", ylabel=""
)
axis.figure.savefig(out / "conditions.png", dpi=120, bbox_inches="tight")
print(shown[["value", "low", "high"]].round(2))
