"""The register of what was run again: what comes next, and what came out."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ....shifts.errors import MedshiftError
from ....shifts.plugins import own_distribution
from ...files.atomic import sha256
from ...submissions import card as cards
from ...submissions.card import CARD_FILE, Card
from ...submissions.register import LastTry, Register, RepeatedRun, read_register, update_register
from .. import environment

if TYPE_CHECKING:
    from ...contract.apart.way import Way
    from .verify import Outcome


def next_to_verify(root: Path) -> list[Path]:
    """List the submissions of a folder, those first that were never run again as they stand, then by the day of that.

    Whether that reproduced them does not matter: what fails each time would keep all others waiting. Those of methods
    that come with medshift precede others, which need code that is not here. External ones are left out.
    """
    register = read_register(root) or Register()
    found = []
    for path in sorted(root.glob(f"*/*/seed-*/{CARD_FILE}")):
        card, folder = cards.parse(path), path.parent
        if not isinstance(card, Card) or card.baseline.external:
            continue
        if (card.protocol.name, card.entry, f"seed-{card.seed}") != folder.parts[-3:]:
            continue  # which no board shows
        day = register.tried(_key(folder), (sha256(path), card.predictions.sha256))
        other = not card.baseline.distribution.startswith("medshift ")
        found.append((day, other, str(folder), folder))
    return [folder for *_, folder in sorted(found)]


def register_try(folder: Path, result: Literal["failed", "unfinished"]) -> None:
    """Write into the register that a submission is being run again, or that this failed.

    That it was reproduced before stays: a failure may be the machine's.

    Args:
        folder: ROOT/PROTOCOL/ENTRY/seed-N.
        result: What to remember; `unfinished` is replaced when the run ends, and stays where it was killed.
    """
    key, tried = _key(folder), _last_try(folder, result)
    update_register(folder.absolute().parents[2], lambda found: found.replaced(key, found.lines(key)[0], tried))


def register_run(folder: Path, outcome: Outcome, way: Way, log: Path, *, replaced: bool = False) -> None:
    """Write into the register beside the protocols that a submission was reproduced, or that it was not.

    What was reproduced on another processor stays so: this one rounds otherwise, and a training is another one by that.

    Args:
        folder: ROOT/PROTOCOL/ENTRY/seed-N.
        outcome: What came out.
        way: Where the method ran.
        log: What the run printed.
        replaced: Whether `replace_submission` has put what came out in the place of what differed.

    Raises:
        MedshiftError: The method ran where the labels are.
    """
    if way == "in-process":
        raise MedshiftError("only a method in a process of its own counts as verified: leave --in-process out")
    root, key = folder.absolute().parents[2], _key(folder)
    here = f"{environment.system()}, {environment.processor()}, {outcome.device}"
    if outcome.result == "differs" and not replaced:
        tried = _last_try(folder, "differs")

        def without(found: Register) -> Register:
            before = found.lines(key)[0]
            return found.replaced(key, before if before and before.machine != here else None, tried)

        update_register(root, without)
        return
    run = RepeatedRun(
        protocol=key[0],
        entry=key[1],
        seed=key[2],
        card_sha256=sha256(folder / CARD_FILE),
        predictions_sha256=cards.read(folder).predictions.sha256,
        result="remade" if outcome.result == "differs" else outcome.result,
        largest_difference=outcome.largest,
        version=own_distribution(),
        commit=environment.running_code().commit,
        date=_today(),
        machine=here,
        process=way,
        log_sha256=sha256(log),
        by="CI" if os.environ.get("CI") == "true" else "a maintainer",
    )

    def with_it(found: Register) -> Register:
        before = found.find(*key, (run.card_sha256, run.predictions_sha256))
        if before is None or before.result != "remade":
            return found.replaced(key, run)
        # that it is the maintainers' stays said, however often it is run again
        same = {"result": before.result, "largest_difference": before.largest_difference}
        return found.replaced(key, run.model_copy(update=same))

    update_register(root, with_it)


def _last_try(folder: Path, result: Literal["differs", "failed", "unfinished"]) -> LastTry:
    protocol, entry, seed = _key(folder)
    return LastTry(
        protocol=protocol,
        entry=entry,
        seed=seed,
        card_sha256=sha256(folder / CARD_FILE),
        predictions_sha256=cards.read(folder).predictions.sha256,
        result=result,
        date=_today(),
    )


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _key(folder: Path) -> tuple[str, str, int]:
    protocol, entry, seed = folder.absolute().parts[-3:]
    return protocol, entry, int(seed.removeprefix("seed-"))
