"""What `make demo` runs: each of the three approaches, on real and synthesized shifts, trained alike."""

from __future__ import annotations

from pathlib import Path

from medshift.benchmark.contract.registry import BUILTINS
from medshift.benchmark.datasets import brain_mri_sim
from medshift.benchmark.runs.sweeps.file import read_file
from medshift.benchmark.runs.sweeps.methods import baselines
from medshift.shifts import shift_info

ROOT = Path(__file__).parents[2]


def test_the_demo_compares_the_three_approaches_at_equal_steps_and_equal_terms():
    sweep, _ = read_file(ROOT / "examples" / "demo.toml")
    assert {BUILTINS[method.baseline].approach for method in sweep.methods} == {
        "ImageNet transfer",
        "training from scratch",
        "adaptation",
    }
    made = [baseline for method in sweep.methods for _, baseline in baselines(method)]
    trained = {(each.length, each.batch_size, each.lr, each.weight_decay) for each in made if hasattr(each, "length")}
    assert len(trained) == 1
    (choice,) = sweep.protocols
    assert choice.data.name == brain_mri_sim.SMALL
    assert choice.choices.targets == ()  # all other scanners
    families = [shift_info(name).family for name in choice.choices.shifts]
    assert {family: families.count(family) for family in families} == dict.fromkeys(
        ("contrast", "noise", "resolution", "artefact"), 2
    )


def test_what_it_leaves_out_is_printed_at_its_end():
    recipe = (ROOT / "Makefile").read_text().partition("\ndemo:")[2].partition("\n\n")[0]
    assert "sed -n '/^# Left out/,/^$$/s/^# \\{0,1\\}//p' examples/demo.toml" in recipe.splitlines()[-1]
    comment = (ROOT / "examples" / "demo.toml").read_text().partition("# Left out")[2].partition("\n\n")[0]
    assert all(line.startswith("#") for line in comment.splitlines()[1:])
    for word in ("patients:", "training:", "shifts:", "seeds:", "medshift run", "make submissions"):
        assert word in comment
