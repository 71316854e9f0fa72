"""`verified.json`: the record, beside the card, that somebody reran a submission and reproduced it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from ..files.atomic import write_text
from ..files.schema import Strict, first_of, read_model
from .fields import Line, Name, Sha256

VERIFIED_FILE = "verified.json"
LARGEST_MARK = 1 << 16  # bytes

Reproduced = Literal["bytes", "tolerance", "remade"]


class VerificationRecord(Strict):
    """The result of rerunning a submission.

    Args:
        predictions_sha256: Hash of the reproduced predictions: the record is void for others.
        card_sha256: Hash of the card that was rerun: the record is void for others. Older records have none.
        result: Whether the bytes were identical, the probabilities within the tolerance, or neither, so that the rerun
            stands here: of a register alone, a file that says so is refused.
        largest_difference: Largest difference of a probability; 0 for identical bytes.
        version: Version of medshift.
        by: Who reran it.
    """

    schema_: Literal["medshift-verified/1"] = Field(default="medshift-verified/1", alias="schema")
    predictions_sha256: Sha256
    card_sha256: Sha256 | None = None
    result: Reproduced
    largest_difference: float = Field(ge=0, le=1)
    version: Name
    by: Line = ""


def write(mark: VerificationRecord, folder: Path) -> None:
    """Write the verification record of a submission."""
    left_out = {"card_sha256"} if mark.card_sha256 is None else set()
    text = json.dumps(mark.model_dump(mode="json", by_alias=True, exclude=left_out), indent=1, ensure_ascii=False)
    write_text(folder / VERIFIED_FILE, text + "\n")


def parse(path: Path) -> VerificationRecord | str:
    """Read the verification record in a file, or return what is wrong with it."""
    found = read_model(path, VerificationRecord, LARGEST_MARK, "verification record")
    if isinstance(found, list):
        return first_of(found)
    if found.result == "remade":  # anybody may write this file, and what is remade is for maintainers to say
        return "result is remade, which only a register says"
    return found
