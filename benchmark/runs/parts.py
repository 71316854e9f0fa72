"""Finished conditions of a run, kept so that it can be resumed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..contract.training_record import TrainingRecord
from ..files.atomic import replace, write_text
from ..protocols.condition import Condition
from ..submissions import curve as curves
from ..submissions.card import CURVE_FILE, CurveClaim, TrainingClaim

TRAINING_FILE = "training.json"


class FinishedConditions:
    """Predictions of finished conditions, one file per condition, valid for one fingerprint of the run.

    Args:
        folder: Folder of the submission.
        fingerprint: Hash of everything that the predictions depend on; results of another fingerprint are not used.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.folder = folder / "parts" / fingerprint[:16]

    def path(self, condition: Condition) -> Path:
        """Return the path of a condition's predictions."""
        return self.folder / f"{hashlib.sha256(condition.key.encode()).hexdigest()[:24]}.npy"

    def save(self, condition: Condition, probabilities: NDArray[np.float32]) -> None:
        """Save a condition's probabilities, in the order of the stream."""
        with replace(self.path(condition)) as temporary, temporary.open("wb") as file:
            np.save(file, probabilities, allow_pickle=False)

    def load(self, condition: Condition) -> NDArray[np.float32]:
        """Load a condition's probabilities."""
        loaded: NDArray[np.float32] = np.load(self.path(condition), allow_pickle=False)
        return loaded

    def save_training(self, record: TrainingRecord) -> None:
        """Save the record of the training on the source, as card and curve will have it; a later one replaces it."""
        losses = record.losses if record.curve is None else ()  # which the curve has
        claim = TrainingClaim(steps=record.steps, run=record.run, kept=record.kept, losses=losses)
        (self.folder / CURVE_FILE).unlink(missing_ok=True)
        if record.curve is not None:
            curves.write(record.curve, self.folder)
        write_text(self.folder / TRAINING_FILE, claim.model_dump_json())

    def training(self) -> TrainingClaim | None:
        """Load the record of the training; None if no network was trained."""
        path = self.folder / TRAINING_FILE
        return TrainingClaim.model_validate_json(path.read_bytes()) if path.exists() else None

    def put_curve(self, folder: Path) -> CurveClaim | None:
        """Put the course of the training into a submission, and return what its card says of it; None without one."""
        path = self.folder / CURVE_FILE
        if not path.exists():
            (folder / CURVE_FILE).unlink(missing_ok=True)
            return None
        found = curves.parse(path)
        if isinstance(found, str):
            raise MedshiftError(f"{path}: {found}")
        return curves.write(found, folder)

    def has(self, condition: Condition) -> bool:
        """Return whether a condition is finished."""
        return self.path(condition).exists()
