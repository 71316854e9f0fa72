"""Golden pixels that a refactoring must not change: one small file per shift and version.

`python tests/shifts/test_golden.py` writes missing files and never overwrites one. New pixels need a new version in the
catalogue.
"""

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
    assert off.max() <= 1, f"{name} changed by up to {off.max()} grey levels: raise its version, or undo the change"
    assert (off > 0).mean() < 0.01


def test_every_file_belongs_to_a_shift():
    assert {path.name for path in GOLDEN.iterdir()} == {stored(name).name for name in catalogue.BUILTINS}


def test_fingerprints_are_hashes_and_differ():
    prints = {fingerprint(name) for name in catalogue.BUILTINS}
    assert len(prints) == len(catalogue.BUILTINS)
    assert all(len(text) == 64 for text in prints)


if __name__ == "__main__":
    for name in catalogue.BUILTINS:
        if not stored(name).exists():
            np.save(stored(name), outputs(name))
            print(stored(name))
