"""The robustness curve of a timm network that you trained yourself: medshift only tests it.

python examples/robustness_of_a_timm_model.py OUT
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import timm
import torch
from PIL import Image

from medshift.benchmark import evaluate

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
data = out / "data"

# Two sites of a made-up hospital: a bright blob (class 1) or none (class 0), four images a patient. The split is yours:
# medshift keeps it, so that it tests your network on no patient that you trained it on.
random = np.random.default_rng(0)
lines = ["image,label,domain,split_group,split"]
for site in ("north", "south"):
    for patient in range(60):
        label = patient % 2
        split = "test" if site == "south" else ("train", "val", "test")[patient // 2 % 3]
        for number in range(4):
            pixels = random.normal((90 if site == "north" else 100) + random.normal(0, 12), 12, (32, 32))
            if label:
                row, column = random.integers(4, 20, 2)
                pixels[row : row + 8, column : column + 8] += 60
            path = data / site / f"{patient}-{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
            lines.append(f"{site}/{path.name},{('clear', 'blob')[label]},{site},{site}-{patient},{split}")
(data / "manifest.csv").write_text("\n".join(lines) + "\n")

# Your own training, on the training patients of the first site.
torch.manual_seed(0)
network = timm.create_model("test_resnet.r160_in1k", pretrained=False, num_classes=2, in_chans=1)
optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
mine = [line.split(",") for line in lines[1:] if line.endswith(",train")]
images = torch.stack([torch.from_numpy(np.asarray(Image.open(data / row[0]))[None] / 255).float() for row in mine])
labels = torch.tensor([row[1] == "blob" for row in mine]).long()
network.train()
for _ in range(150):
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(network(images), labels).backward()
    optimiser.step()

# Any callable that turns images (N, C, H, W) in [0, 1] into probabilities (N, K) can be tested.
model = torch.nn.Sequential(network, torch.nn.Softmax(dim=1))
shifts = ["gamma", "gaussian-noise", "psf-blur"]
scores = evaluate(model, data=data, source="north", classes=["clear", "blob"], shifts=shifts, name="mine")

figure, axis = plt.subplots(figsize=(6, 4))
clean = scores.aggregates["clean"]["balanced_accuracy"]
for name in shifts:
    found = [clean, *(scores.conditions[f"north/{name}@{level}"]["balanced_accuracy"] for level in range(1, 6))]
    axis.plot(range(6), [estimate.value for estimate in found], marker="o", label=name)
    axis.fill_between(range(6), *zip(*(estimate.interval for estimate in found), strict=True), alpha=0.15)
real = scores.conditions["south"]["balanced_accuracy"]
axis.axhline(real.value, linestyle="--", color="gray", label="the other site")
axis.set(xlabel="severity", ylabel="balanced accuracy", ylim=(0.4, 1.02), title="Falls with severity")
axis.legend()
figure.savefig(out / "robustness.png", dpi=120, bbox_inches="tight")
print(f"clean {clean.value:.2f}, the other site {real.value:.2f}")
