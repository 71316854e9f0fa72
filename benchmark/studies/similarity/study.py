"""The study `similarity`: its question, its runs, and its own way to measure; what it needs loads on use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..study import Arm, Study

if TYPE_CHECKING:
    import pandas as pd

    from ...protocols.protocol import Protocol
    from ..findings import Findings
    from ..stored import StoredStudy

IMAGES = 256


@dataclass(frozen=True)
class SimilarityAnalysis:
    """Measures CKA by stage on the networks of the study's runs.

    Args:
        images: Number of test images of the source.
        grid: Cells per axis that space is averaged to; one is the mean over the image.
    """

    images: int = IMAGES
    grid: int = 1

    def check(self, protocol: Protocol, table: pd.DataFrame) -> None:
        """Check, before any training, that the test images are of enough patients.

        Raises:
            MedshiftError: They are of fewer than CKA compares.
        """
        from .measure import require_groups  # imports torch

        require_groups(protocol, table, self.images)

    def measure(self, stored: StoredStudy, out: Path) -> None:
        """Write the table and the figure into the study's folder; a table that is up to date stays."""
        from .analysis import write_table  # imports torch

        write_table(stored, out, self.images, self.grid)

    def report(self, stored: StoredStudy, out: Path) -> Findings:
        """Make the findings from the table."""
        from .analysis import findings

        return findings(stored, out, next(iter(STUDY.arms)))


STUDY = Study(
    name="similarity",
    question="Which stages does training change, and at which depth does a scanner's noise or blur enter?",
    claim="Training changes the highest stages most and reuses the lowest; what a scanner changes enters early.",
    source="Raghu et al., Transfusion, NeurIPS 2019, arXiv 1902.07208; Kornblith et al., ICML 2019, arXiv 1905.00414",
    refuted="Training changes the lowest stage as much as the last; of each shift, if the upper half loses more.",
    arms={
        "imagenet": Arm("imagenet-finetune", title="from ImageNet"),
        "random": Arm("random-init", title="from random weights"),
    },
    seeds=2,
    protocol={"shifts": ("gaussian-noise", "psf-blur", "gamma"), "severities": (1, 2, 3, 4, 5)},
    limits=(
        "Clean and shifted are the same images; across real sites images differ, and CKA says nothing about them.",
        "Two seeds show that trainings differ, not by how much they do so in general.",
    ),
    analysis=SimilarityAnalysis(),
)
