"""The base of every file format: closed, frozen, finite."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError


class Strict(BaseModel):
    """What is read from files: closed, frozen, finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def first_problem(error: ValidationError) -> str:
    """Returns the first of pydantic's complaints as `field: what is wrong`, and how many more there are."""
    problems = error.errors(include_url=False, include_input=False)
    where = ".".join(map(str, problems[0]["loc"])) or "the file"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{where}: {problems[0]['msg']}{more}"
