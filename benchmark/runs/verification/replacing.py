"""A maintainer's rerun in the place of a submission that this machine does not reproduce."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

from ....shifts.errors import MedshiftError
from ....shifts.plugins import own_distribution
from ...contract.apart.described import is_foreign
from ...files.atomic import replace
from ...submissions import card as cards
from ...submissions.card import BaselineClaim
from ...submissions.submission import ALLOWED, files_to_copy
from .. import environment
from .rerun import baseline_name


def require_replaceable(folder: Path) -> None:
    """Check, before a submission is run again, that the rerun could take its place.

    Raises:
        MedshiftError: Git does not keep it as it is, or it was made with another version of medshift.
    """
    if environment.git(folder, "status", "--porcelain", "--ignored", "--", ".") != "":  # None outside of a repository
        raise MedshiftError(f"--take: {folder} is not committed as it is, so the author's files would be lost")
    theirs = cards.read(folder)
    if not is_foreign(baseline_name(theirs.baseline)):
        _require_same(theirs.baseline, theirs.baseline.model_copy(update={"distribution": own_distribution()}))


def replace_submission(folder: Path, again: Path) -> None:
    """Put a rerun in the place of a submission, with what its card says of its author's own.

    Args:
        folder: The submission. All that is written lies beside it before the first of its files goes, and the card
            comes last: what is interrupted is incomplete, never a mixture.
        again: The rerun, made from its card.

    Raises:
        MedshiftError: Another version of the method ran, or a file cannot be written: the submission is as it was.
    """
    theirs, ours = cards.read(folder), cards.read(again)
    # the wording of a summary may have changed, and the seeds of an entry have one
    baseline = ours.baseline.model_copy(update={"summary": theirs.baseline.summary})
    _require_same(theirs.baseline, baseline)
    told = {"baseline": baseline, "submitter": theirs.submitter, "criteria": theirs.criteria}
    cards.write(ours.model_copy(update=told), again)
    with ExitStack() as written:  # which get their names in reverse
        for name in reversed(files_to_copy(again)):
            shutil.copyfile(again / name, written.enter_context(replace(folder / name)))
        for name in (cards.CARD_FILE, *ALLOWED):
            (folder / name).unlink(missing_ok=True)


def _require_same(theirs: BaselineClaim, here: BaselineClaim) -> None:
    """Refuse what another version makes: the other seeds of the entry would not form one with it."""
    if theirs != here:
        what = here.distribution if here.distribution != theirs.distribution else "other settings"
        raise MedshiftError(
            f"--take: it was made with {theirs.distribution}, and what runs here is {what}: it would not be one entry "
            "with its other seeds. Install the version that made it"
        )
