"""The base model of every file format."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError


class Strict(BaseModel):
    """Base model of what is read from files: no extra fields, immutable, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def first_problem(error: ValidationError) -> str:
    """Format the first validation error as `field: message`, and count the others."""
    problems = error.errors(include_url=False, include_input=False)
    where = ".".join(map(str, problems[0]["loc"])) or "the file"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where}: {problems[0]['msg']}{more}"
