"""The columns of the study's table, and what its rows may compare."""

from __future__ import annotations

#: `training`: before against after, and its controls; `shift`: clean against shifted images; `entry`: by how much CKA
#: falls from each stage to the next, in the order of the network; `weights`: how far they moved.
COLUMNS = ("question", "arm", "comparison", "shift", "severity", "seed", "stage", "name", "dimension", "grid", "images",
           "groups", "value", "low", "high", "pairs")  # fmt: skip
PAIRS = "of different groups"  # in the column `pairs`: which images CKA compares
OF_ANY = "of any images"  # and in tables of earlier versions, which have no such column
MEAN = "mean"  # in the column `seed`: over all seeds
BEFORE_AFTER, SEEDS, UNTRAINED = "before and after training", "two seeds, trained", "two seeds, untrained"
REUSED = "lowest less last stage"
SHIFTED, SHIFTED_UNTRAINED = "clean and shifted", "clean and shifted, untrained"
FALL, HALVES = "fall from the stage before", "lost in the lower half of the stages less the upper half"
MOVED = "moved weights, relative to their size"
