"""Images/s of the training loop compared with a bare loop of the same network on the same batches.

    python -m pytest tests/performance/bench_training.py --benchmark-enable --benchmark-only

The bare loop is forward, backward and step on prepared batches. The training loop also converts them from their stored
type, augments, schedules and reports. Validation is left out, because its share depends on the data. The two alternate
epoch by epoch, so that other load on the machine affects both equally; times are CPU time of one thread.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest
import torch

from medshift.baselines.common import training
from medshift.baselines.common.networks import Network
from medshift.baselines.common.recipe import FOR_VOLUMES, TimmRecipe
from medshift.baselines.common.volumes import VolumeNetwork
from medshift.baselines.scratch.cbr import CbrTiny
from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets.images import Labelled

ROUNDS = 5
LEAST = 0.85  # fraction of the bare loop's images/s
CASES = {  # number of images, shape, function from an access to a network
    "efficientnet-lite0 1x64x64": (256, (1, 64, 64), lambda a: Network("tf_efficientnet_lite0", 2, 1, 0, None)),
    "efficientnet-lite0 3x96x96": (128, (3, 96, 96), lambda a: Network("tf_efficientnet_lite0", 2, 3, 0, None)),
    "cbr-tiny 1x64x64": (256, (1, 64, 64), lambda a: CbrTiny().network(a)),
    "monai-resnet10-narrow 1x8x32x32": (64, (1, 8, 32, 32), lambda a: VolumeNetwork(FOR_VOLUMES, 2, 1, 0)),
}


def access(count: int, shape: tuple[int, ...]) -> Access:
    labels = np.arange(count) % 2
    pixels = np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)
    images, few = Labelled(pixels, None, labels), Labelled(pixels[:2], None, labels[:2])
    device = torch.device("cpu")
    return Access(("no", "yes"), shape[0], shape[1:], images, few, {}, 0, device, "bench", lambda line: None)


def bare(network: torch.nn.Module, batches: list[tuple[torch.Tensor, torch.Tensor]], recipe: TimmRecipe) -> None:
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay)
    for images, labels in batches:
        cost = torch.nn.functional.cross_entropy(network(images), labels)
        optimiser.zero_grad(set_to_none=True)
        cost.backward()
        optimiser.step()


@pytest.mark.parametrize("name", CASES)
def test_the_loop_is_as_fast_as_a_bare_one(benchmark, monkeypatch, name):
    count, shape, make = CASES[name]
    given, recipe = access(count, shape), TimmRecipe(steps=count // 32)
    network = make(given)
    if len(shape) == 3:
        network.to(memory_format=torch.channels_last)
    parts = torch.arange(count).split(recipe.batch_size)
    batches = [(given.train.batch(part), torch.from_numpy(given.train.labels)[part]) for part in parts]
    monkeypatch.setattr(training, "validation_loss", lambda *_: 1.0)
    spent = {"loop": [], "bare": []}

    def both() -> None:
        for who in ("bare", "loop") if len(spent["loop"]) % 2 else ("loop", "bare"):
            begin = time.process_time()
            if who == "loop":
                training.train(network, given, recipe)
            else:
                bare(network, batches, recipe)
            spent[who].append(time.process_time() - begin)

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        benchmark.pedantic(both, rounds=ROUNDS, warmup_rounds=1)
    finally:
        torch.set_num_threads(threads)
    speed = {who: count / statistics.median(seconds[1:]) for who, seconds in spent.items() if len(seconds) > 1}
    benchmark.extra_info.update({f"{who}_images_per_s": round(value, 1) for who, value in speed.items()})
    if speed:  # without --benchmark-enable there is a single, untimed round
        share = statistics.median(b / a for a, b in zip(spent["loop"][1:], spent["bare"][1:], strict=True))
        benchmark.extra_info["share_of_bare"] = round(share, 3)
        print(f"\n{name}: {speed['loop']:.1f} images/s, bare {speed['bare']:.1f}, share {share:.3f}")
        assert share >= LEAST
