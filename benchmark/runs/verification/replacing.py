"""A maintainer's rerun in the place of a submission that no bytes of this machine reproduce."""

from __future__ import annotations

import shutil
from pathlib import Path

from ...files.atomic import replace
from ...submissions import card as cards
from ...submissions.submission import ALLOWED, files_to_copy


def replace_submission(folder: Path, again: Path) -> None:
    """Put a rerun in the place of a submission, with what its card says of its author's own.

    Args:
        folder: The submission. It is complete or incomplete at any time, never a mixture: its card goes first.
        again: The rerun, made from its card. Its own card moves: it lacks what only the author could say.

    Raises:
        MedshiftError: A file cannot be written.
    """
    theirs, ours = cards.read(folder), cards.read(again)
    cards.write(ours.model_copy(update={"submitter": theirs.submitter, "criteria": theirs.criteria}), again)
    (folder / cards.CARD_FILE).unlink()
    for name in ALLOWED:
        (folder / name).unlink(missing_ok=True)
    for name in files_to_copy(again):
        with replace(folder / name) as temporary:
            shutil.copyfile(again / name, temporary)
