"""`card.json`: the provenance of a file of predictions. Written last: a submission with a card is complete."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ...shifts.errors import MedshiftError
from ..contract.precision import DEFAULT, Precision
from ..contract.sees import Sees
from ..files.atomic import write_text
from ..files.schema import Strict, first_of, read_model
from ..protocols.protocol import CriteriaClaim
from ..scoring.scores import Scores
from . import fields
from .fields import BROUGHT, ENTRY, EXTERNAL, Line, Name, Setting, Sha256, origin

CARD_FILE = "card.json"
CURVE_FILE = "curve.json"
MOST_EVALUATIONS = 10_000  # of one training; the recipe has about forty
LARGEST_CARD = 4 << 20  # bytes
LONGEST_RUN = 1e9  # seconds: thirty years
MOST_STEPS = 10**9  # of one training
LARGEST_SEED = 2**63 - 1


class ProtocolClaim(Strict):
    """The protocol that was run."""

    name: Name
    version: Name
    sha256: Sha256


class DatasetClaim(Strict):
    """The data set that was used; `images_sha256` is of a folder's images, which no version stands for."""

    name: Name
    version: Name
    truth_sha256: Sha256
    images_sha256: Sha256 | None = None


class BaselineClaim(Strict):
    """The method: its distribution, access level and whole configuration."""

    name: str = Field(pattern=ENTRY)
    distribution: Annotated[str, Field(max_length=400), AfterValidator(origin)]
    sees: Sees
    summary: Line = ""
    config: dict[Name, Setting] = Field(default_factory=dict, max_length=100)

    @model_validator(mode="after")
    def _config_is_short(self) -> Self:
        fields.require_short(self.config)
        return self

    @property
    def external(self) -> bool:
        """Whether the model was made outside medshift, so that what it sees is its author's word."""
        return self.distribution in (EXTERNAL, BROUGHT)

    @property
    def brought(self) -> bool:
        """Whether it is a fitted model with which medshift made the predictions."""
        return self.distribution == BROUGHT


class CodeClaim(Strict):
    """The version of medshift and, in a checkout, its commit and whether files were modified."""

    version: fields.Version
    commit: fields.Commit | None = None
    dirty: bool | None = None


class EnvironmentClaim(Strict):
    """The environment of the run; `precision` is left out where it is float32."""

    python: Line
    platform: Line
    device: fields.Device
    threads: int = Field(ge=0, le=100_000)
    packages: dict[Name, Name] = Field(default_factory=dict, max_length=200)
    precision: Precision = DEFAULT


class TimingsClaim(Strict):
    """Wall time in seconds; 0 if a resumed run had nothing left to do."""

    fit_s: float = Field(ge=0, le=LONGEST_RUN)
    predict_s: float = Field(ge=0, le=LONGEST_RUN)


class PredictionsClaim(Strict):
    """The file of predictions beside the card."""

    file: Literal["predictions.parquet"] = "predictions.parquet"
    sha256: Sha256
    rows: int = Field(ge=0, lt=2**63)


class CurveClaim(Strict):
    """The file with the course of the training, beside the card."""

    file: Literal["curve.json"] = "curve.json"
    sha256: Sha256
    rows: int = Field(ge=1, le=MOST_EVALUATIONS)


class ScoreClaim(Strict):
    """One score as computed by the author: checked against ours, never shown. None if the metric is undefined."""

    condition: Name
    metric: Name
    value: float | None


class TrialClaim(Strict):
    """One draw of hyper-parameters and its loss on source validation; None if it could not be trained."""

    settings: dict[Name, Setting] = Field(max_length=100)
    score: float | None

    @model_validator(mode="after")
    def _settings_are_short(self) -> Self:
        fields.require_short(self.settings)
        return self


class TuningClaim(Strict):
    """How hyper-parameters were tuned, by the cross-entropy on source validation.

    Args:
        draws: The budget; if nothing can be drawn, only the given settings were tried.
        searched: Hyper-parameter -> its search space.
        chosen: Index of the chosen trial, from 0.
        trials: In order; the first has the given settings.
    """

    draws: int = Field(ge=1, le=100_000)
    searched: dict[Name, Line] = Field(default_factory=dict, max_length=200)
    chosen: int = Field(ge=0)
    trials: tuple[TrialClaim, ...] = Field(min_length=1, max_length=100_000, strict=False)

    @model_validator(mode="after")
    def _chosen_exists(self) -> Self:
        if self.chosen >= len(self.trials):
            raise ValueError(f"chosen is {self.chosen}, but there are {len(self.trials)} trials")
        return self


class TrainingClaim(Strict):
    """The length of the training on the source.

    Args:
        steps: Optimiser steps of the whole schedule.
        run: Steps that were run; fewer if training was stopped early.
        kept: Step whose weights were kept; of an average, the step of the lowest loss.
        losses: (step, loss on source validation) of every evaluation: of cards older than `curve.json`, which has them
            since, and of methods that record no more. A card that names a curve leaves them out.
    """

    steps: int = Field(ge=1, le=MOST_STEPS)
    run: int = Field(ge=1, le=MOST_STEPS)
    kept: int = Field(ge=1, le=MOST_STEPS)
    losses: tuple[tuple[int, float], ...] = Field(default=(), max_length=100_000, strict=False)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.kept <= self.run <= self.steps:
            raise ValueError(f"step {self.kept} of {self.run} is kept, and {self.run} of {self.steps} steps were run")
        return self


class WeightsClaim(Strict):
    """The pretrained weights that the network starts from.

    Args:
        origin: The name on the hub, the name of a folder without its path, or the package that holds them.
        sha256: Hash of all weights: names, shapes and values.
        pretraining: What they were trained on; `not stated` if their origin does not say.
        licence: As their origin states it; empty if it does not.
    """

    origin: Line
    sha256: Sha256
    pretraining: Line
    licence: Line = ""


class Card(Strict):
    """The provenance of a submission.

    Args:
        protocol: The protocol that was run.
        dataset: The data set that was used.
        baseline: The method.
        entry: Name of the row on the leaderboard and of the folder with the seeds.
        seed: The training seed.
        shifts: Fingerprint of every synthesized shift that was applied.
        code: The version of medshift.
        environment: The environment of the run.
        timings: Wall times.
        predictions: The file of predictions.
        scores: Claimed scores.
        submitter: Who is responsible for it.
        tuning: How hyper-parameters were tuned; left out if none were.
        training: How the network was trained on the source; left out if none was.
        curve: The file with the course of that training; left out if there is none.
        weights: The pretrained weights that the network starts from; left out if there are none.
        criteria: Acceptance criteria that were given to the run; left out if none were.
        rejections: Number of images that the model refused, by condition; left out if it refused none.
        process: Whether the method ran in a process of its own, without labels and paths to them; left out where it is
            not known: of older cards, and of predictions made elsewhere.
    """

    schema_: Literal["medshift-card/1"] = Field(default="medshift-card/1", alias="schema")
    protocol: ProtocolClaim
    dataset: DatasetClaim
    baseline: BaselineClaim
    entry: str = Field(pattern=ENTRY)
    seed: int = Field(ge=0, le=LARGEST_SEED)
    shifts: dict[Name, Sha256] = Field(default_factory=dict, max_length=2000)
    code: CodeClaim
    environment: EnvironmentClaim
    timings: TimingsClaim
    predictions: PredictionsClaim
    scores: tuple[ScoreClaim, ...] = Field(default=(), max_length=100_000, strict=False)
    submitter: Line = ""
    tuning: TuningClaim | None = None
    training: TrainingClaim | None = None
    curve: CurveClaim | None = None
    weights: WeightsClaim | None = None
    criteria: CriteriaClaim | None = None
    rejections: dict[Name, Annotated[int, Field(ge=1, lt=2**63)]] | None = Field(default=None, max_length=10_000)
    process: Literal["apart", "in-process"] | None = None

    @property
    def coverage(self) -> float:
        """The share of images that the model answered, over all conditions."""
        return 1 - sum((self.rejections or {}).values()) / max(self.predictions.rows, 1)

    @property
    def may_refuse(self) -> bool:
        """Whether the model may refuse images (`--rejections`), even if it refused none of these."""
        return bool(self.rejections) or self.baseline.config.get("rejections") is True


def claims(scores: Scores) -> tuple[ScoreClaim, ...]:
    """List scores by condition as a card does, by their usual definition; undefined ones are None."""
    return tuple(
        ScoreClaim(condition=key, metric=metric, value=value) for (key, metric), value in claimed_values(scores).items()
    )


def claimed_values(scores: Scores) -> dict[tuple[str, str], float | None]:
    """Return what `claims` lists by condition and metric, without a model of each: for the check of other claims."""
    claimed = {
        (key, metric): found.claimed
        for key, by_metric in scores.conditions.items()
        for metric, found in by_metric.items()
    }
    return {place: None if math.isnan(value) else value for place, value in claimed.items()}


def write(card: Card, folder: Path) -> None:
    """Write `card.json` into a folder, atomically. Call it last."""
    left_out: dict[str, bool | set[str]] = {name: True for name in Card.model_fields if getattr(card, name) is None}
    if card.dataset.images_sha256 is None:
        left_out["dataset"] = {"images_sha256"}
    if card.environment.precision == DEFAULT:
        left_out["environment"] = {"precision"}
    if card.training is not None and not card.training.losses:
        left_out["training"] = {"losses"}
    text = json.dumps(card.model_dump(mode="json", by_alias=True, exclude=left_out), indent=1, ensure_ascii=False)
    write_text(folder / CARD_FILE, text + "\n")


def read(folder: Path) -> Card:
    """Read the card of a submission.

    Raises:
        MedshiftError: The card is missing, damaged or of another schema; one line with the first problem.
    """
    card = parse(folder / CARD_FILE)
    if isinstance(card, Card):
        return card
    raise MedshiftError(f"{folder / CARD_FILE}: {first_of(card)}")


def parse(path: Path) -> Card | list[str]:
    """Read the card in a file, or list all its problems."""
    return read_model(path, Card, LARGEST_CARD, "card")
