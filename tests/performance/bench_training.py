"""Images/s of training and of prediction beside bare loops of the same network on tensors that are in memory already.

    python -m pytest tests/performance/bench_training.py --benchmark-enable --benchmark-only -s

The bare loop of training is forward, backward and step on prepared batches; the training loop also reads them from a
mapped file, converts and augments them, schedules and reports. Validation is left out, because its share depends on the
data. The bare loop of prediction is forward on shifted batches; `predict` also reads, shifts and checks. The two
alternate, so that other load affects both equally; wall time of two threads on an idle machine, the median of ratios.
The gradient of depthwise convolutions is held against torch's own: above 1, it is quicker.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from medshift.baselines.common import training
from medshift.baselines.common.recipe import FOR_VOLUMES, TimmRecipe
from medshift.baselines.networks import depthwise
from medshift.baselines.networks.network import Network
from medshift.baselines.networks.volumes import VolumeNetwork
from medshift.baselines.scratch.cbr import CbrTiny
from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets.dataset import Dataset
from medshift.benchmark.datasets.images import Labelled
from medshift.benchmark.protocols import plan
from medshift.benchmark.protocols.plan import Choices
from medshift.benchmark.runs import stream
from medshift.benchmark.runs.predict import predict

ROUNDS = 15
CASES = {  # number of images, shape, function from an access to a network
    "efficientnet-lite0 1x64x64": (256, (1, 64, 64), lambda a: Network("tf_efficientnet_lite0", 2, 1, 0, None)),
    "efficientnet-lite0 3x96x96": (128, (3, 96, 96), lambda a: Network("tf_efficientnet_lite0", 2, 3, 0, None)),
    "cbr-tiny 1x64x64": (256, (1, 64, 64), lambda a: CbrTiny().network(a)),
    "monai-resnet10-narrow 1x8x32x32": (64, (1, 8, 32, 32), lambda a: VolumeNetwork(FOR_VOLUMES, 2, 1, 0)),
}


def stored(count: int, shape: tuple[int, ...], folder) -> np.ndarray:
    """Images mapped from a file."""
    np.save(folder / "pixels.npy", np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8))
    return np.load(folder / "pixels.npy", mmap_mode="r")


def access(pixels: np.ndarray) -> Access:
    labels = np.arange(len(pixels)) % 2
    images, few = Labelled(pixels, None, labels), Labelled(pixels[:2], None, labels[:2])
    device = torch.device("cpu")
    shape = pixels.shape[1:]
    return Access(("no", "yes"), shape[0], shape[1:], images, few, {}, 0, device, "bench", lambda line: None)


def bare(network: torch.nn.Module, batches: list[tuple[torch.Tensor, torch.Tensor]], recipe: TimmRecipe) -> None:
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    for images, labels in batches:
        cost = torch.nn.functional.cross_entropy(network(images), labels)
        optimiser.zero_grad(set_to_none=True)
        cost.backward()
        optimiser.step()


def compare(benchmark, name: str, count: int, loops: dict[str, Callable[[], object]]) -> None:
    """Time two loops by turns, and hold the first against the second."""
    spent: dict[str, list[float]] = {who: [] for who in loops}
    first, second = loops

    def both() -> None:
        for who in (first, second) if len(spent[first]) % 2 else (second, first):
            begin = time.perf_counter()
            loops[who]()
            spent[who].append(time.perf_counter() - begin)

    benchmark.pedantic(both, rounds=ROUNDS, warmup_rounds=1)
    if len(spent[first]) < 2:  # without --benchmark-enable there is a single, untimed round
        return
    speed = {who: count / statistics.median(seconds[1:]) for who, seconds in spent.items()}
    share = statistics.median(b / a for a, b in zip(spent[first][1:], spent[second][1:], strict=True))
    benchmark.extra_info.update({f"{who}_images_per_s": round(value, 1) for who, value in speed.items()})
    benchmark.extra_info["share_of_bare"] = round(share, 3)
    print(f"\n{name}: {speed[first]:.1f} images/s, bare {speed[second]:.1f}, share {share:.3f}")


def made(name: str, folder) -> tuple[np.ndarray, Access, torch.nn.Module]:
    count, shape, make = CASES[name]
    pixels = stored(count, shape, folder)
    given = access(pixels)
    network = make(given)
    return pixels, given, network.to(memory_format=torch.channels_last) if len(shape) == 3 else network


@pytest.mark.parametrize("name", CASES)
def test_training_beside_a_bare_loop(benchmark, monkeypatch, tmp_path, name):
    pixels, given, network = made(name, tmp_path)
    recipe = TimmRecipe(steps=len(pixels) // 32)
    parts = torch.arange(len(pixels)).split(recipe.batch_size)
    batches = [(given.train.batch(part), torch.from_numpy(given.train.labels)[part]) for part in parts]
    monkeypatch.setattr(training, "validate", lambda *_: (1.0, 0.5))
    loops = {"loop": lambda: training.train(network, given, recipe), "bare": lambda: bare(network, batches, recipe)}
    compare(benchmark, name, len(pixels), loops)


@pytest.mark.parametrize("side", [64, 96])
def test_steps_with_quick_gradients_beside_torchs_own(benchmark, monkeypatch, side):
    batches = [(torch.rand(32, 1, side, side), torch.arange(32) % 2)] * 4
    loops = {}
    for who, processors in (("quick", (torch.backends.cpu.get_cpu_capability(),)), ("torch", ())):
        monkeypatch.setattr(depthwise, "MEASURED", processors)
        network = Network("tf_efficientnet_lite0", 2, 1, 0, None).to(memory_format=torch.channels_last)
        loops[who] = lambda network=network: bare(network, batches, TimmRecipe())
    compare(benchmark, f"efficientnet-lite0 1x{side}x{side}", 32 * len(batches), loops)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("shift", ["gamma", "gaussian-noise"])
def test_prediction_of_a_shifted_condition_beside_a_bare_loop(benchmark, tmp_path, name, shift):
    pixels, _, network = made(name, tmp_path)
    index = np.arange(len(pixels))
    names = [f"{number:04d}" for number in index]
    table = pd.DataFrame({"sample_id": names, "label": index % 2, "domain": "a", "group": names})
    table["split"] = np.where(index < 8, "train", np.where(index < 16, "val", "test"))
    dataset = Dataset("bench", "1", ("no", "yes"), "any", table, pixels)
    terms, truth = plan.plan(dataset, Choices(shifts=(shift,), severities=(3,)))
    condition = terms.conditions()[-1]
    rows = stream.test_stream(terms, truth, condition)
    batches = list(stream.condition_batches(dataset, rows, terms, condition))
    predictor = training.Classifier(network)
    loops = {
        "predict": lambda: predict(predictor, dataset, rows, terms, condition, torch.device("cpu")),
        "bare": lambda: [predictor(images) for images in batches],
    }
    compare(benchmark, f"{name} {shift}", len(rows), loops)
