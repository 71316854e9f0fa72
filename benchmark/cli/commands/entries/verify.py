"""`medshift verify`: run a submission again and compare."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .....shifts.errors import MedshiftError
from ....contract.apart.way import Way
from ...interrupts import noting
from ...options import InProcess, SubmissionFolder, expand
from ...reading import ReadingOptions
from ..check import require_submission

if TYPE_CHECKING:
    from ....runs.verification.verify import Outcome


@expand
def verify(
    folder: SubmissionFolder,
    reading: ReadingOptions,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Its data, unless they come with medshift or a plug-in.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where to run; the card's device by default.")] = "",
    mark: Annotated[bool, typer.Option("--mark", help="Write verified.json beside the card if reproduced.")] = False,
    by: Annotated[str, typer.Option(help="With --mark: who verified.")] = "",
    strict: Annotated[
        bool,
        typer.Option("--strict", help="One process for each condition, for methods that learn from test batches."),
    ] = False,
    in_process: InProcess = False,
    force: Annotated[
        bool, typer.Option("--force", help="Run it even if its card asks for an extraordinarily long or large run.")
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="For maintainers: write it into verified.json beside the protocols.")
    ] = False,
    take: Annotated[
        bool,
        typer.Option(
            "--take", help="With --record: if it differs, put what came out here in its place. Git keeps the author's."
        ),
    ] = False,
    following: Annotated[
        int,
        typer.Option(
            "--next",
            help="FOLDER holds submissions: verify this many, the longest not run again first.",
            min=0,
        ),
    ] = 0,
    logs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="With --record: folder of what the runs print; verify-logs by default."),
    ] = None,
    merge: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="For CI: run nothing, but add to FOLDER's register what is new in this one."),
    ] = None,
    since: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --merge: the register that FILE was made from.")
    ] = None,
) -> None:
    """Run a submission again from its card, in a clean process, and report whether it is reproduced.

    A folder of images is read as it was for the run: with the same options.
    """
    from ....files.atomic import scratch_folder
    from ....files.text import fault
    from ....runs.verification.recording import next_to_verify, register_try
    from ....runs.verification.replacing import require_replaceable
    from ....runs.verification.verify import CannotRepeat

    if by and not mark:
        raise MedshiftError("--by goes with --mark")
    if why := fault(by):
        raise MedshiftError(f"--by {why}")
    if logs is not None and not record:
        raise MedshiftError("--logs goes with --record: without it, what a run prints is seen here")
    if since is not None and merge is None:
        raise MedshiftError("--since: give --merge FILE, too")
    if merge is not None:
        _merge(folder, merge, since)
        return
    if reading.given() and data is None:
        raise MedshiftError(f"{', '.join(reading.given())}: how images are read goes with --data DIR")
    if in_process and (strict or record):
        what = "--strict" if strict else "--record"
        raise MedshiftError(f"{what} needs the method in a process of its own: leave --in-process out")
    if take and (following or not record):
        raise MedshiftError("--take: goes with --record, for one submission at a time, without --next")
    if take:
        require_submission(folder)
        require_replaceable(folder)
    way: Way = "in-process" if in_process else "per-condition" if strict else "apart"
    waiting = next_to_verify(folder) if following else [folder]
    tried, unsuccessful = 0, False
    with scratch_folder("verify-shared") as shared:  # of this command alone: nothing that was there before counts
        for each in waiting:
            log = _log(logs or Path("verify-logs"), each) if record else None
            if following:
                print(f"{'/'.join(each.parts[-3:])}:")
            starting = partial(register_try, each, "unfinished") if following and record else None
            try:
                require_submission(each)
                outcome, taken = _verified(
                    each, data, device, reading, way, log, force=force, shared=shared, starting=starting, take=take
                )
            except CannotRepeat as error:
                if not following:
                    raise
                print(f"  left out: {error}")
                continue
            except MedshiftError as error:  # of this one alone: the others are run again all the same
                if not following:
                    raise
                print(f"  failed: {error}")
                if record:
                    register_try(each, "failed")
                unsuccessful = True
            else:
                differs = outcome.result == "differs"
                marking = by if mark and not (differs and (following or taken)) else None
                _write_down(each, outcome, way, log, marking, taken=taken)
                unsuccessful |= differs and not taken
            tried += 1
            if tried == following:
                break
    if unsuccessful:
        raise typer.Exit(1)


def _merge(root: Path, made: Path, since: Path | None) -> None:
    """Add what is new in a register to that of a folder of submissions, which may have changed meanwhile."""
    from ....submissions.register import Register, merged, read_register_file, update_register

    before, after = read_register_file(since) if since else Register(), read_register_file(made)
    update_register(root, lambda found: merged(found, before, after))


def _verified(
    folder: Path,
    data: Path | None,
    device: str,
    reading: ReadingOptions,
    way: Way,
    log: Path | None,
    *,
    force: bool,
    shared: Path,
    starting: Callable[[], None] | None,
    take: bool,
) -> tuple[Outcome, bool]:
    """Run a submission again, print what came out, and return whether that has taken its place."""
    from ....files.atomic import scratch_folder
    from ....runs.verification.replacing import replace_submission
    from ....runs.verification.verify import verify as run_again

    with noting("what was being verified starts over with the same command"), scratch_folder("verify") as out:
        outcome = run_again(
            folder, out, data, device, reading.options(), way, log, force=force, shared=shared, starting=starting
        )
        print(outcome.text)
        for line in outcome.differences:
            print(f"  {line}")
        if take and outcome.result == "differs" and outcome.again:
            replace_submission(folder, outcome.again)
            return outcome, True
    return outcome, False


def _write_down(folder: Path, outcome: Outcome, way: Way, log: Path | None, by: str | None, *, taken: bool) -> None:
    """Write what came out into the register, where there is a log, and beside the card, where somebody marks it."""
    from ....runs.verification.recording import register_run
    from ....runs.verification.verify import write_record as write_mark

    if log:
        register_run(folder, outcome, way, log, replaced=taken)
        differs = outcome.result == "differs"
        print(f"{'replaced by what came out here, and ' if taken else 'not ' if differs else ''}recorded; log: {log}")
        if differs and not taken:
            print("  trainings differ from processor to processor: --take puts what came out here in its place")
    if by is not None:
        write_mark(folder, outcome, by)
        print(f"marked: {folder / 'verified.json'}")


def _log(logs: Path, folder: Path) -> Path:
    from ....files.destinations import output_folder

    output_folder(logs, "a log", "--logs").mkdir(parents=True, exist_ok=True)
    return logs / f"{'--'.join(folder.absolute().parts[-3:])}.log"
