"""Protocols: the data, domains, shifts, severities and metrics of a comparison, in one JSON file beside its truth."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from ...shifts.catalogue import SEVERITIES
from ...shifts.errors import MedshiftError, near
from ..datasets.facts import DatasetFacts
from ..datasets.streaming.scaling import scaled_shape, size_problem
from ..files.atomic import write_text
from ..files.bounded.json_text import JsonError, read_json
from ..files.schema import Strict, first_problem
from ..files.text import LONGEST_NAME, fault, twins, unportable, visible
from .condition import Condition

PROTOCOL_FILE = "protocol.json"
TRUTH_FILE = "truth.parquet"
LARGEST_PROTOCOL = 4 << 20  # bytes
MOST_CONDITIONS = 10_000
LATER: dict[str, object] = {"confounded": None, "size": 0, "criteria": None}  # came after protocols were published
METRICS = (
    "balanced_accuracy",
    "auroc",
    "ece",
    "brier",
    "sensitivity",
    "specificity",
)  # computed in `scoring.metrics`


class Confounded(Strict):
    """A second domain that goes with the label in training and source validation.

    Args:
        domain: That domain, one of the targets.
        cramers_v: Strength of the association, as asked for; the truth gives it as reached.
        seed: Seed of the choice of groups.
    """

    domain: str
    cramers_v: float = Field(ge=0, le=1)
    seed: int = Field(default=0, ge=0)


class CriteriaClaim(Strict):
    """Acceptance criteria that were written before a run, by their hashes.

    Args:
        sha256: Of all criteria.
        criteria: Name of each criterion -> its hash.
    """

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    criteria: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(min_length=1, max_length=200)


class Protocol(Strict):
    """What all submissions to one leaderboard have in common.

    Args:
        name: Name of the leaderboard and its folder.
        version: Raised when anything below is changed on purpose.
        dataset: The data set.
        truth_sha256: `truth.digest` of the table of splits and labels.
        source: The domain to train on.
        targets: The domains of the real shifts.
        shifts: Name of each synthesized shift -> its family, in the order of conditions.
        severities: Whole steps 1..5 at which each shift is applied.
        matched: Name of a shift -> its severity on the physical scale for each of `severities`, if severities are
            matched across shifts; empty on the physical scale.
        grey_levels: Number of levels to which images are rounded after a shift; 0 for no rounding.
        batch_size: Batch size of the stream of test images.
        seed: Seed of the shifts and the stream.
        metrics: Names of the metrics; the first one ranks.
        confounded: A second domain in the training set; by default there is none.
        size: Longest side in pixels to which images are scaled, after any shift; 0 keeps their stored size.
        criteria: Acceptance criteria that every entry is held to (`medshift report`); left out if there are none.
    """

    schema_: Literal["medshift-protocol/1"] = Field(default="medshift-protocol/1", alias="schema")
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+@-]{0,119}$")
    version: str = Field(default="1", max_length=40)
    dataset: DatasetFacts
    truth_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    source: str
    targets: tuple[str, ...] = Field(strict=False)
    shifts: dict[str, str]
    severities: tuple[int, ...] = Field(default=(1, 2, 3, 4, 5), strict=False)
    matched: dict[str, tuple[float, ...]] = Field(default_factory=dict, strict=False)
    grey_levels: int = Field(default=0, ge=0)
    batch_size: int = Field(default=64, ge=1)
    seed: int = 0
    metrics: tuple[str, ...] = Field(default=("balanced_accuracy", "auroc", "ece"), strict=False)
    confounded: Confounded | None = None
    size: int = Field(default=0, ge=0)
    criteria: CriteriaClaim | None = None

    @property
    def positive(self) -> str:
        """Of two classes the second, which sensitivity, specificity and AUROC are for; empty if there are more."""
        classes = self.dataset.classes
        return classes[1] if len(classes) == 2 else ""

    @property
    def mixed(self) -> str:
        """The domain that is trained on beside the source; empty without one."""
        return self.confounded.domain if self.confounded else ""

    @property
    def trained_on(self) -> str:
        """What is trained on, in words: the source, or the source and a domain that goes with the label."""
        if self.confounded is None:
            return self.source
        return f"{self.source} and {self.mixed}, which goes with the label at Cramer's V {self.confounded.cramers_v:g}"

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Spatial shape of the images that networks are given."""
        return scaled_shape(self.dataset.image_size, self.size)

    def conditions(self) -> list[Condition]:
        """List all conditions: source validation, clean, real, then synthesized by shift and severity."""
        same = tuple(map(float, self.severities))
        levels = tuple((shift, family, tuple(self.matched.get(shift) or same)) for shift, family in self.shifts.items())
        return list(_conditions(self.source, self.mixed, tuple(self.targets), levels))

    def text(self) -> str:
        """Return the protocol as written to file."""
        return json.dumps(self._content(), indent=1, ensure_ascii=False) + "\n"

    @property
    def sha256(self) -> str:
        """Hash of the content, whatever the layout of the file or the order of its shifts."""
        canonical = json.dumps(self._content(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def _content(self) -> dict[str, object]:
        """Return all fields; `LATER` ones only where they are set, so that older protocols keep their hash."""
        found: dict[str, object] = self.model_dump(mode="json", by_alias=True)
        return {name: value for name, value in found.items() if name not in LATER or value != LATER[name]}


@lru_cache(maxsize=64)  # those of a board are asked for at every step of every entry
def _conditions(
    source: str, mixed: str, targets: tuple[str, ...], levels: tuple[tuple[str, str, tuple[float, ...]], ...]
) -> tuple[Condition, ...]:
    """Make the conditions of a protocol from its shifts, their families and their severities."""
    return (
        Condition(source, "validation", mixed=mixed),
        Condition(source, "clean"),
        *(Condition(target, "real") for target in targets),
        *(
            Condition(source, "synthesized", shift, level, family)
            for shift, family, severities in levels
            for level in severities
        ),
    )


def write(protocol: Protocol, folder: Path) -> None:
    """Write `protocol.json` into a folder, atomically."""
    write_text(folder / PROTOCOL_FILE, protocol.text())


def read(folder: Path) -> Protocol:
    """Read the protocol of a folder.

    Raises:
        MedshiftError: The file is missing, damaged or of another schema, or the protocol cannot be scored.
    """
    path = folder / PROTOCOL_FILE
    if folder.is_file():
        raise MedshiftError(f"{folder} is a file: give the folder that holds {PROTOCOL_FILE} and its truth")
    try:
        if path.stat().st_size > LARGEST_PROTOCOL:
            raise MedshiftError(f"{path} is larger than {LARGEST_PROTOCOL >> 20} MiB, the limit for a protocol")
        text = read_json(path, LARGEST_PROTOCOL)
        protocol = Protocol.model_validate_json(text)
    except FileNotFoundError as error:
        hint = "a submission is a folder seed-N in PROTOCOL/ENTRY, a protocol one that holds it"
        raise MedshiftError(f"{path} cannot be read: {error.strerror}; {hint}") from error
    except OSError as error:
        raise MedshiftError(f"{path} cannot be read: {error.strerror}") from error
    except JsonError as error:
        raise MedshiftError(f"{path} is not a valid protocol: {error}") from error
    except ValidationError as error:
        raise MedshiftError(f"{path} is not a valid protocol: {first_problem(error)}") from error
    wrong = invalid(protocol)
    if wrong:
        raise MedshiftError(f"{path} is not a valid protocol: {wrong}")
    return protocol


def _wrong_name(protocol: Protocol) -> str:
    """Return what is wrong with the texts that a page shows; empty if nothing is."""
    facts, shifts = protocol.dataset, protocol.shifts
    texts = {
        "dataset.name": (facts.name,),
        "dataset.version": (facts.version,),
        "dataset.modality": (facts.modality,),
        "version": (protocol.version,),
        "classes": facts.classes,
        "source": (protocol.source,),
        "targets": protocol.targets,
        "shifts": tuple(shifts),
        "families": tuple(shifts.values()),
    }
    for what, names in texts.items():
        for name in names:
            why = fault(name, LONGEST_NAME)
            if why:
                return f"{what}: {visible(name, 80)!r} {why}"
    why = unportable(protocol.name)
    if why:
        return f"its name {protocol.name!r} {why}"
    for what, names in (("classes", facts.classes), ("domains", (protocol.source, *protocol.targets))):
        alike = twins(dict.fromkeys(names), fold=False)
        if alike:
            return f"{what} {alike[0][:80]!r} and {alike[1][:80]!r} look alike: rename one"
    return ""


def invalid(protocol: Protocol) -> str:
    """Return why a protocol with valid fields cannot be read again or scored; empty if it can."""
    metrics, severities = protocol.metrics, protocol.severities
    wrong = _wrong_name(protocol)
    if wrong:
        return wrong
    if not metrics or len(set(metrics)) < len(metrics):
        return "metrics must be at least one, each once"
    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        return f"unknown metric {unknown[0][:80]!r}.{near(unknown[0], METRICS)}"
    if (protocol.shifts and not severities) or not set(severities) <= set(SEVERITIES):
        return f"severities must be among {', '.join(map(str, SEVERITIES))}"
    if protocol.mixed and (protocol.mixed == protocol.source or protocol.mixed not in protocol.targets):
        return f"the confounded domain {protocol.mixed[:80]!r} must be one of the targets"
    wrong = size_problem(protocol.dataset.image_size, protocol.size)
    if wrong:
        return wrong
    if any(not 0 < level <= SEVERITIES[-1] for levels in protocol.matched.values() for level in levels):
        return f"matched severities must be above 0 and at most {SEVERITIES[-1]}"
    conditions = protocol.conditions()
    if len(conditions) > MOST_CONDITIONS:
        return f"it has {len(conditions)} conditions; at most {MOST_CONDITIONS} can be scored"
    repeated = [key for key, count in Counter(condition.key for condition in conditions).items() if count > 1]
    return f"duplicate condition {repeated[0][:80]!r}" if repeated else ""
