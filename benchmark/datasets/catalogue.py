"""The data sets that come with medshift or a plug-in, by name."""

from __future__ import annotations

from ...shifts.plugins import Table
from . import brain_mri_sim

_LOADERS = "medshift.benchmark.datasets.brain_mri_sim.load"
BUILTINS = {brain_mri_sim.NAME: f"{_LOADERS}:load", brain_mri_sim.SMALL: f"{_LOADERS}:load_small"}
SUMMARIES = {
    brain_mri_sim.NAME: "SIMULATED T1-weighted MR patches of four scanners, lesion or none; made on first use",
    brain_mri_sim.SMALL: f"SIMULATED: the first patients of {brain_mri_sim.NAME}, for demonstrations",
}
SOURCES = dict.fromkeys(BUILTINS, brain_mri_sim.SOURCE)
VERSIONS = dict.fromkeys(BUILTINS, brain_mri_sim.VERSION)
TABLE = Table("medshift.datasets", "data set", BUILTINS)
