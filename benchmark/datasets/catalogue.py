"""The data sets that come with medshift or a plug-in, by name."""

from __future__ import annotations

from ...shifts.plugins import Table
from . import brain_mri_sim

BUILTINS = {"brain-mri-sim": "medshift.benchmark.datasets.brain_mri_sim.load:load"}
SUMMARIES = {"brain-mri-sim": "SIMULATED T1-weighted MR patches of four scanners, lesion or none; made on first use"}
SOURCES = {"brain-mri-sim": "nyu"}
VERSIONS = {"brain-mri-sim": brain_mri_sim.VERSION}
TABLE = Table("medshift.datasets", "data set", BUILTINS)
