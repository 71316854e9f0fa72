"""Golden pixels that a refactoring must not change: one small file per shift and version.

`python tests/shifts/test_golden.py` writes missing files and never overwrites one. New pixels need a new version in the
catalogue.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from medshift.shifts import catalogue
from medshift.shifts.fingerprints import fingerprint, outputs

GOLDEN = Path(__file__).parents[1] / "golden"


def stored(name):
    return GOLDEN / f"{name}.v{catalogue.shift_info(name).version}.npy"


@pytest.mark.parametrize("name", sorted(catalogue.BUILTINS))
def test_pixels_are_those_stored(name):
    pixels, expected = outputs(name), np.load(stored(name), allow_pickle=False)
    assert pixels.shape == expected.shape
    off = np.abs(pixels.astype(int) - expected)
    assert not off.any(), f"{name} changed by up to {off.max()} grey levels: raise its version, or undo the change"


def test_every_file_belongs_to_a_shift():
    assert {path.name for path in GOLDEN.iterdir()} == {stored(name).name for name in catalogue.BUILTINS}


def test_fingerprints_are_hashes_and_differ():
    prints = {fingerprint(name) for name in catalogue.BUILTINS}
    assert len(prints) == len(catalogue.BUILTINS)
    assert all(len(text) == 64 for text in prints)


PRINTED = """
import sys, torch
from medshift.shifts import catalogue
from medshift.shifts import fingerprint
torch.set_num_threads(int(sys.argv[1]))
print(*(fingerprint(name) for name in catalogue.BUILTINS))
"""


def printed(settings: dict[str, str], threads: int) -> list[str]:
    """All fingerprints, taken by a process with these settings."""
    words = [sys.executable, "-W", "ignore", "-c", PRINTED, str(threads)]
    return subprocess.run(words, env=os.environ | settings, check=True, capture_output=True, text=True).stdout.split()


def test_fingerprints_hold_with_the_least_instructions_of_an_x86_processor(instruction_sets):
    """Without Numba, too, where normal draws have other last bits: they do not reach these 8-bit pixels."""
    settings = instruction_sets["least"] | {"NUMBA_DISABLE_JIT": "1"}
    assert printed(settings, threads=2) == [fingerprint(name) for name in catalogue.BUILTINS]


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("interpreted", ["0", "1"])
@pytest.mark.parametrize("instructions", ["all", "avx2", "least"])
def test_fingerprints_hold_whatever_the_machine_does(instructions, interpreted, threads, busy_cores, instruction_sets):
    settings = instruction_sets[instructions] | {"NUMBA_DISABLE_JIT": interpreted}
    assert printed(settings, threads) == [fingerprint(name) for name in catalogue.BUILTINS]


if __name__ == "__main__":
    for name in catalogue.BUILTINS:
        if not stored(name).exists():
            np.save(stored(name), outputs(name))
            print(stored(name))
