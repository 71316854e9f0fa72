"""Which paragraphs of the report help with which items of reporting guidelines and of the AI Act.

Numbers of TRIPOD+AI are those of the checklist of 11 January 2024 (Collins et al., BMJ 2024;385:e078378); those of
STARD-AI (Sounderajah et al., Nature Medicine 2025;31:3283) were taken from a filled-in copy, so the topic counts where
a number differs; paragraphs of Article 15 are those of Regulation (EU) 2024/1689.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """One row of the table.

    Args:
        anchor: Id of the report's section.
        section: Its title.
        gives: What it gives.
        tripod: Items of TRIPOD+AI.
        stard: Items of STARD-AI.
        act: Paragraphs of Article 15 of the AI Act.
    """

    anchor: str
    section: str
    gives: str
    tripod: str
    stard: str
    act: str


ROWS = (
    Row(
        "verdicts",
        "Verdicts",
        "acceptance limits, when they were written, and whether they are met",
        "12e measures; 18c protocol, 18d registration (the hash is not a public register); 23a performance",
        "15c cut-offs, prespecified or not; 18 methods for accuracy; 31 estimates and precision; 37 protocol",
        "15(1) appropriate level of accuracy and robustness; 15(3) metrics to be declared",
    ),
    Row(
        "breaking",
        "Breaking points",
        "the severity of each acquisition shift up to which a limit holds",
        "12d heterogeneity; 23b heterogeneity of performance; 26 limitations; 27a poor quality input data",
        "13 devices; 21 variability; 28 representativeness of the test set",
        "15(1) consistent performance; 15(4) resilience regarding errors, faults or inconsistencies of the environment",
    ),
    Row(
        "sites",
        "Sites and worst conditions",
        "figures and intervals per site, resampled by patient",
        "12d clusters; 16 training versus evaluation; 23a and 23b performance, by site",
        "29 external evaluation; 31 estimates and precision",
        "15(1), 15(3)",
    ),
    Row(
        "operating",
        "Operating-point drift",
        "sensitivity and specificity at the threshold frozen at the source",
        "15 model output and how thresholds were identified; 23a performance",
        "15c cut-offs; 30 cross-tabulation (rates only); 31 estimates and precision",
        "15(3)",
    ),
    Row(
        "calibration",
        "Calibration and coverage",
        "calibration per site, images refused",
        "12e measures; 23a performance; 27a input data that cannot be used",
        "18 methods; 19 indeterminate results",
        "15(1), 15(4)",
    ),
    Row(
        "placement",
        "Sites on the scales of the shifts, audit",
        "how the sites' images differ; leaks, confounding, shortcuts",
        "5a data sources; 7 data preparation and quality; 16 training versus evaluation; 20c comparison of both",
        "13 devices; 14 acquisition and preprocessing; 28 representativeness; 29 external evaluation",
        "15(4), in part; data governance is Article 10",
    ),
    Row(
        "lineage",
        "Lineage",
        "hashes of protocol, truth, predictions; code, weights, environment",
        "18e data sharing, 18f code sharing; 12g how predictions were calculated; 21 numbers in each analysis",
        "15a index test; 15b its development; 40 data, code, outputs for audit",
        "15(1), in part; technical documentation and logs are Articles 11 and 12",
    ),
)
NOT_COVERED = (
    "Not covered at all: intended use and users, ethics, participants and eligibility, fairness across patient groups, "
    "clinical utility, human oversight, attacks by third parties (Article 15(5)), feedback loops of systems that go on "
    "learning (Article 15(4)), and performance after deployment."
)
