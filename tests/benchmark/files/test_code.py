"""Cache keys follow imports: every file that a result depends on is hashed, and no other."""

from __future__ import annotations

import shutil
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from medshift.baselines.common import source_model, training
from medshift.baselines.generalisation import mixup
from medshift.baselines.networks.initial_weights import load_all
from medshift.baselines.transfer import imagenet_finetune
from medshift.benchmark.contract.access import Access
from medshift.benchmark.datasets.images import Labelled
from medshift.benchmark.files import code
from medshift.benchmark.files.code import code_sha256, modules_of, source_files

FILES = {
    "__init__.py": "import lazy_loader\n__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)\n",
    "__init__.pyi": "from .public import shown as shown\nfrom .other import unused as unused\n",
    "method.py": "from __future__ import annotations\n\nfrom typing import TYPE_CHECKING\n\nfrom .direct import one\n\n"
    "if TYPE_CHECKING:\n    from .types import Kind\n\n\n"
    "def fit():\n    from .inside import two\n    return one, two\n",
    "direct.py": "import tinypack.transitive as t\n\none = t\n",
    "transitive.py": "from tinypack import shown\n",
    "inside.py": "two = 2\n",
    "public.py": "from .sub import leaf\n\nshown = leaf\n",
    "sub/__init__.py": "",
    "sub/leaf.py": "import math\n",
    "types.py": "Kind = int\n",
    "other.py": "unused = 0\n",
    "whole.py": "import tinypack\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package `tinypack` that can be imported; its files may be edited."""
    top = tmp_path / "tinypack"
    for name, text in FILES.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    code._file.cache_clear()
    yield top
    code._file.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "tinypack"]:
        sys.modules.pop(name)


def edited(path: Path) -> None:
    path.write_text(f"{path.read_text()}\n# edited\n")


@pytest.mark.parametrize(
    "name",
    [
        "method.py",
        "direct.py",
        "transitive.py",
        "inside.py",
        "public.py",
        "sub/__init__.py",
        "sub/leaf.py",
        "__init__.py",
    ],
)
def test_editing_a_file_that_is_imported_changes_the_hash(package, name):
    before = code_sha256(["tinypack.method"])
    assert code_sha256(["tinypack.method"]) == before
    edited(package / name)
    assert code_sha256(["tinypack.method"]) != before


@pytest.mark.parametrize("name", ["other.py", "types.py", "whole.py"])
def test_editing_any_other_file_does_not(package, name):
    before = code_sha256(["tinypack.method"])
    edited(package / name)
    assert code_sha256(["tinypack.method"]) == before


def test_a_package_imported_as_a_whole_brings_in_all_its_public_names(package):
    found = source_files(["tinypack.whole"])
    assert {"tinypack", "tinypack.whole", "tinypack.public", "tinypack.other", "tinypack.sub.leaf"} <= set(found)


def test_public_names_of_medshift_are_found_where_they_are_defined(package):
    (package / "plugin.py").write_text("from medshift.baselines import source_network\n")
    found = source_files(["tinypack.plugin"])
    assert {"tinypack.plugin", "medshift.baselines.common.training"} <= set(found)
    assert "medshift.baselines.common.source_model" not in found


def test_a_method_depends_on_the_training_loop_and_the_networks():
    found = source_files(["medshift.baselines.generalisation.mixup"])
    rooms = [f"medshift.baselines.{room}." for room in ("common", "networks")]
    shared = {path.name for name, path in found.items() if name.startswith(tuple(rooms))}
    assert {"training.py", "network.py", "initial_weights.py", "source_model.py", "checkpoints.py"} <= shared
    assert not any(name.startswith(("medshift.benchmark.cli", "medshift.leaderboard")) for name in found)
    assert "medshift.baselines.generalisation.swad" not in found


def test_weights_are_keyed_by_the_code_of_their_own_method(tmp_path, monkeypatch):
    pixels = np.zeros((4, 1, 32, 32), np.uint8)
    images = Labelled(pixels, None, np.array([0, 1, 0, 1]))
    access = Access(("a", "b"), 1, (32, 32), images, images, {}, 0, torch.device("cpu"), "x", lambda line: None)
    copied = Path(shutil.copy(mixup.__file__, tmp_path / "mixup.py"))
    place = code._file
    monkeypatch.setattr(code, "_file", lambda name: copied if name == mixup.__name__ else place(name))
    keys: list[str] = []

    def key_only(access, recipe, name, build, loss, learn, parts):
        keys.append(training.weights_key(access, recipe, name, [build, loss, learn, *parts]))
        return torch.nn.Identity()

    monkeypatch.setattr(source_model, "source_network", key_only)
    for _ in range(2):
        mixup.Mixup().fit(access)
        imagenet_finetune.ImagenetFinetune().fit(access)
        edited(copied)
    mixed, finetuned, mixed_after, finetuned_after = keys
    assert mixed != mixed_after
    assert finetuned == finetuned_after


def test_modules_are_those_of_functions_classes_and_instances():
    assert modules_of(partial(partial(load_all), 1), mixup.MixupLoss, mixup.MixupLoss(0.1), None) == {
        load_all.__module__,
        mixup.__name__,
    }
