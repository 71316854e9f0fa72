"""Finished conditions of a run, kept so that it can be resumed."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...shifts.errors import MedshiftError
from ..contract.training_record import TrainingRecord
from ..contract.weights_record import WeightsRecord
from ..files.atomic import replace, write_text
from ..protocols.condition import Condition
from ..submissions import curve as curves
from ..submissions.card import CURVE_FILE, CurveClaim, TrainingClaim, WeightsClaim

TRAINING_FILE = "training.json"
WEIGHTS_FILE = "weights.json"
FORGOTTEN = "forgotten"  # a file whose presence says that no state survives a condition


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

    def save_weights(self, record: WeightsRecord) -> None:
        """Save the record of the pretrained weights, as the card will have it."""
        write_text(self.folder / WEIGHTS_FILE, WeightsClaim(**asdict(record)).model_dump_json())

    def weights(self) -> WeightsClaim | None:
        """Load the record of the pretrained weights; None if the method starts from none."""
        path = self.folder / WEIGHTS_FILE
        return WeightsClaim.model_validate_json(path.read_bytes()) if path.exists() else None

    def forget_records(self) -> None:
        """Remove the records of training and weights: those of a draw, or of an earlier process."""
        for name in (TRAINING_FILE, WEIGHTS_FILE, CURVE_FILE):
            (self.folder / name).unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove the probabilities of all conditions; the records of training stay."""
        for path in self.folder.glob("*.npy"):
            path.unlink()

    def has(self, condition: Condition) -> bool:
        """Return whether a condition is finished; a file that cannot be read, such as an empty one, is none."""
        try:
            np.load(self.path(condition), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return False
        return True

    @property
    def forgotten(self) -> bool:
        """Whether it was checked that no state survives a condition."""
        return (self.folder / FORGOTTEN).exists()

    def note_forgotten(self) -> None:
        """Note that it was checked, for a run that is stopped before its card is written."""
        write_text(self.folder / FORGOTTEN, "")
