"""`--baseline my_module:MyBaseline`: a class that is not installed, checked, run and verified as what it is."""

from __future__ import annotations

import json
import sys

import pytest
from helpers.cli import medshift
from helpers.images.image_folders import folder
from typer.testing import CliRunner

from medshift.benchmark.cli.main import app
from medshift.benchmark.contract import registry, user_class
from medshift.benchmark.files.atomic import sha256
from medshift.benchmark.protocols import folder as planning
from medshift.benchmark.runs.verification import rerun
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import submission
from medshift.shifts.errors import MedshiftError

GOOD = '''
from dataclasses import dataclass
from typing import ClassVar

from medshift.benchmark import LogUniform


@dataclass(frozen=True)
class Pixels:
    """Logistic regression on the pixels."""

    sees: ClassVar[str] = "source"
    paper: ClassVar[str] = "none"
    search: ClassVar[dict] = {"c": LogUniform(0.01, 100)}

    c: float = 1.0

    def fit(self, access):
        from sklearn.linear_model import LogisticRegression

        images = access.train.batch(slice(None)).flatten(1).numpy()
        return Predicts(LogisticRegression(C=self.c).fit(images, access.train.labels))


class Predicts:
    def __init__(self, model):
        self.model = model

    def __call__(self, images):
        import torch

        return torch.from_numpy(self.model.predict_proba(images.flatten(1).numpy())).float()


@dataclass(frozen=True)
class Peeks(Pixels):
    sees: ClassVar[str] = "everything"


@dataclass(frozen=True)
class Lists(Pixels):
    c: tuple = (1, 2)


@dataclass(frozen=True)
class Searches(Pixels):
    search: ClassVar[dict] = {"d": LogUniform(1, 2)}


@dataclass(frozen=True)
class Strange(Pixels):
    c: "nothing" = 1.0


class Plain:
    sees = "source"

    def fit(self, access): ...


@dataclass(frozen=True)
class Fitless:
    sees: ClassVar[str] = "source"
'''


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that the user is in, with a module of a name that no other test imports."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"own_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(GOOD)
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{}x:Pixels", r"module '\w+x' is neither in .* nor installed. Did you mean '\w+'?"),
        ("nowhere.at.all:Pixels", "module 'nowhere' is neither in"),
        ("{}:Pixel", "has no 'Pixel'. Did you mean 'Pixels'"),
        ("{}:dataclass", "is not a dataclass with a method fit"),
        ("{}:Plain", "is not a dataclass with a method fit"),
        ("{}:Fitless", "is not a dataclass with a method fit"),
        ("{}:Peeks", "must declare its access level `sees`: one of source, target-unlabelled, test-batches"),
        ("{}:Lists", "hyper-parameter 'c' needs a default: a number, text"),
        ("{}:Searches", "search entry 'd' is not a hyper-parameter"),
        ("{}:Strange", "invalid type of a hyper-parameter"),
        ("{}:", "invalid baseline class .* write my_module:MyBaseline"),
        (":Pixels", "invalid baseline class .* write my_module:MyBaseline"),
        ("../{}:Pixels", "invalid baseline class .* write my_module:MyBaseline"),
        ("sys:path", "has no file: put the class in a file"),
        ("broken:Pixels", "module 'broken' cannot be imported: ZeroDivisionError"),
        ("needs:Pixels", "module 'needs' cannot be imported: ModuleNotFoundError: No module named 'lacking_one'"),
    ],
)
def test_what_is_no_baseline_is_one_line(here, tmp_path, spec, message):
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "needs.py").write_text("import lacking_one")
    with pytest.raises(MedshiftError, match=message) as error:
        registry.make_baseline(spec.format(here), [])
    assert "\n" not in str(error.value)


def test_hyper_parameters_are_checked_as_of_any_baseline(here):
    made = registry.make_baseline(f"{here}:Pixels", ["c=0.5"])
    assert made.c == 0.5
    with pytest.raises(MedshiftError, match=r"has no hyper-parameter 'cc'\. Did you mean 'c'"):
        registry.make_baseline(f"{here}:Pixels", ["cc=1"])
    with pytest.raises(MedshiftError, match="--set c=much: "):
        registry.make_baseline(f"{here}:Pixels", ["c=much"])


def test_its_file_decides_what_is_cached(here, tmp_path):
    spec = f"{here}:Pixels"
    before, origin = registry.code(registry.make_baseline(spec, [])), registry.origin(spec)
    assert origin == f"module {here}, sha256 {sha256(tmp_path / f'{here}.py')}"
    assert registry.code(registry.make_baseline(spec, [])) == before
    (tmp_path / f"{here}.py").write_text(GOOD + "# another\n")
    assert registry.code(registry.make_baseline(spec, [])) != before
    assert registry.code(registry.make_baseline("scratch", [])) == ""


def test_what_it_imports_from_its_folder_decides_what_is_cached_and_resumed(here, tmp_path):
    (tmp_path / f"{here}.py").write_text(f"import {here}_beside\n{GOOD}")
    (tmp_path / f"{here}_beside.py").write_text("VALUE = 1\n")
    spec = f"{here}:Pixels"
    before, origin = registry.code(registry.make_baseline(spec, [])), registry.origin(spec)
    (tmp_path / "unrelated.py").write_text("VALUE = 1\n")
    assert registry.code(registry.make_baseline(spec, [])) == before
    (tmp_path / f"{here}_beside.py").write_text("VALUE = 2\n")
    assert registry.code(registry.make_baseline(spec, [])) != before
    assert registry.origin(spec) != origin


def test_the_contract_is_checked_as_of_any_baseline(here):
    checked = CliRunner().invoke(app, ["check", "baseline", f"{here}:Pixels"])
    assert (checked.exit_code, checked.stdout) == (0, f"{here}:Pixels: ok\n")


def test_a_class_in_a_file_is_run_tuned_recorded_and_verified(tmp_path):
    where = tmp_path / "mine"
    where.mkdir()
    (where / "my_net.py").write_text(GOOD)
    images = folder(tmp_path / "set")
    command = ["run", "--baseline", "my_net:Pixels", "--tune", "3", "--data", images, "--shifts", "gamma"]
    command += ["--severities", "3", "--threads", "1", "--out", "out"]
    done = medshift(*command, cwd=where)
    assert done.returncode == 0, done.stderr
    assert "draw 3/3: c=" in done.stderr
    (place,) = (where / "out").glob("*/my_net.Pixels+tune=3/seed-0")
    card = cards.read(place)
    assert card.baseline.name == "my_net.Pixels"
    assert card.baseline.distribution == f"module my_net, sha256 {sha256(where / 'my_net.py')}"
    assert card.baseline.summary == "Logistic regression on the pixels."
    assert submission.check_submission(place, *planning.read_protocol(place.parent.parent)) == []
    again = medshift("verify", place, "--data", images, cwd=where)
    assert "reproduced: the predictions have the same bytes" in again.stdout, again.stderr
    (where / "my_net.py").write_text(GOOD + "# another\n")
    sys.modules.pop("my_net")
    refused = medshift(*command, cwd=where)
    sys.modules.pop("my_net")
    assert refused.returncode == 1
    assert "holds a submission made with other settings" in refused.stderr


def test_no_other_file_is_imported_to_verify(here, tmp_path):
    claim = cards.BaselineClaim(
        name="trap.Pixels", distribution=f"module trap, sha256 {'0' * 64}", sees="source", config={"c": 1.0}
    )
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    with pytest.raises(MedshiftError, match="differs from the file that made this entry"):
        rerun.baseline_of(claim)
    assert "trap" not in sys.modules
    (tmp_path / "trap.py").unlink()
    with pytest.raises(
        MedshiftError, match=r"made by trap.Pixels, and module 'trap' is not in .*: change to its folder"
    ):
        rerun.baseline_of(claim)
    right = claim.model_copy(
        update={
            "name": f"{here}.Pixels",
            "distribution": f"module {here}, sha256 {sha256(tmp_path / f'{here}.py')}",
        }
    )
    assert json.dumps(registry.config(rerun.baseline_of(right))) == '{"c": 1.0}'


def test_all_files_of_a_package_and_what_they_import_beside_it_are_the_identity_of_a_class(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "evil_pkg"
    (package / "deep").mkdir(parents=True)
    files = {
        package / "__init__.py": "from .inner import Cheat\nimport beside_it\n",
        package / "inner.py": "class Cheat: ...\n",
        package / "deep" / "hidden.py": "named by no import\n",
        tmp_path / "beside_it.py": "from math import pi\n",
    }
    for path, text in files.items():
        path.write_text(text)
    (tmp_path / "other.py").write_text("not imported\n")
    spec = "evil_pkg:Cheat"
    made = user_class.origin(spec)
    assert user_class.claimed("evil_pkg.Cheat", made) == spec
    (tmp_path / "other.py").write_text("changed\n")
    assert user_class.origin(spec) == made
    for path, text in files.items():
        path.write_text(text + "# another\n")
        assert user_class.origin(spec) != made
        with pytest.raises(MedshiftError, match=r"the 4 files of module 'evil_pkg' .* differ from those that made"):
            user_class.claimed("evil_pkg.Cheat", made)
        path.write_text(text)
    (package / "more.py").write_text("")
    assert user_class.origin(spec) != made
    assert "evil_pkg" not in sys.modules
