"""`verified.json`: somebody ran a submission again and it came out the same. Written beside the card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from ..files.atomic import write_text
from ..files.schema import Strict, first_problem
from .card import Line, Name, Sha256

VERIFIED_FILE = "verified.json"
LARGEST_MARK = 1 << 16  # bytes


class VerificationRecord(Strict):
    """What was found when a submission was run again.

    Args:
        predictions_sha256: Of the predictions that were to be reproduced: other predictions make the mark void.
        card_sha256: Of the card that says how: another card makes the mark void. Marks from before this was written
            have none.
        result: Whether the same bytes came out, or probabilities within the tolerance.
        largest_difference: Of a probability; 0 for the same bytes.
        version: Of medshift.
        by: Who did it.
    """

    schema_: Literal["medshift-verified/1"] = Field(default="medshift-verified/1", alias="schema")
    predictions_sha256: Sha256
    card_sha256: Sha256 | None = None
    result: Literal["bytes", "tolerance"]
    largest_difference: float = Field(ge=0, le=1)
    version: Name
    by: Line = ""


def write(mark: VerificationRecord, folder: Path) -> None:
    """Writes the mark of a submission."""
    left_out = {"card_sha256"} if mark.card_sha256 is None else set()
    text = json.dumps(mark.model_dump(mode="json", by_alias=True, exclude=left_out), indent=1, ensure_ascii=False)
    write_text(folder / VERIFIED_FILE, text + "\n")


def parse(path: Path) -> VerificationRecord | str:
    """Returns the mark in a file, or what is wrong with it."""
    try:
        if path.stat().st_size > LARGEST_MARK:
            return f"has more than {LARGEST_MARK >> 10} KiB: that is no mark"
        return VerificationRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValidationError as error:
        return first_problem(error)[:300]
