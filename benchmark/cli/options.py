"""The options by which every command chooses its data and its protocol; a command takes them as one object."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_type_hints

import typer

from ...shifts.errors import MedshiftError
from ..contract.sees import Sees

if TYPE_CHECKING:
    from ..protocols.choices import Choices

ProtocolFolder = Annotated[
    Path | None,
    typer.Option("--protocol", metavar="DIR", help="Run on this very protocol: a folder of `medshift protocol make`."),
]
CriteriaFile = Annotated[
    Path | None,
    typer.Option(
        "--criteria", metavar="FILE", help="Acceptance criteria whose hash is recorded, for `medshift report`."
    ),
]
NewSites = Annotated[
    list[Path] | None,
    typer.Option(
        "--unlabelled",
        metavar="DIR",
        help="Images of a new site, without labels: how well the model does there is estimated; may be repeated.",
        show_default=False,
    ),
]
InProcess = Annotated[
    bool,
    typer.Option(
        "--in-process",
        envvar="MEDSHIFT_IN_PROCESS",
        show_envvar=False,
        help="Run the method in medshift's own process, to debug it; the card says so.",
    ),
]
SubmissionFolder = Annotated[Path, typer.Argument(help="Holds card.json and predictions.parquet.")]
Submissions = Annotated[Path, typer.Option(metavar="DIR", help="Folder of submissions.")]
Submitter = Annotated[str, typer.Option(help="Who answers for the submission.")]
Looked = Annotated[Sees, typer.Option(help="What the model looked at: your own statement.")]
Summary = Annotated[str, typer.Option(help="One line on the model.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Source = Annotated[str, typer.Option(help="Domain to train on; the data set's own, or the largest, by default.")]
GroupsPerDomain = Annotated[
    bool, typer.Option("--groups-per-domain", help="Groups named alike in two domains are different patients.")
]
IgnoreSplit = Annotated[bool, typer.Option("--ignore-split", help="Ignore a column `split` and split by group.")]


@dataclass(frozen=True)
class ShiftOptions:
    """The options that choose synthesized shifts."""

    shifts: Annotated[
        list[str] | None,
        typer.Option(help="Shifts by name, comma-separated; by default those that suit the modality."),
    ] = None
    family: Annotated[list[str] | None, typer.Option(help="Only shifts of these families, comma-separated.")] = None
    severities: Annotated[str, typer.Option(help="Severities 1 to 5, comma-separated.")] = "1,2,3,4,5"

    def choices(self, source: str = "") -> Choices:
        """Return the choices of a protocol that these options make.

        Args:
            source: Domain to train on.

        Raises:
            MedshiftError: A shift, family or severity does not exist, or an option names none.
        """
        from ..protocols.choices import Choices, require_known

        made = Choices(
            source=source,
            shifts=split_names(self.shifts, "--shifts"),
            families=split_names(self.family, "--family"),
            severities=parse_severities(self.severities),
        )
        require_known(made)
        return made


@dataclass(frozen=True)
class ProtocolOptions(ShiftOptions):
    """The options that choose a protocol."""

    source: Source = ""
    targets: Annotated[
        list[str] | None,
        typer.Option(help="Domains of the real shifts, comma-separated or repeated; all others by default."),
    ] = None
    positive: Annotated[
        str, typer.Option(help="Of two classes the one to find, e.g. the disease; by default the second.")
    ] = ""
    severity_scale: Annotated[
        Literal["physical", "matched"],
        typer.Option(help="matched: severities at which all shifts cost the same similarity (SSIM)."),
    ] = "physical"
    requantise: Annotated[
        bool, typer.Option(help="Round shifted 8-bit images to 8 bits, as a scanner's export does.")
    ] = True
    groups_per_domain: GroupsPerDomain = False
    ignore_split: IgnoreSplit = False
    adapt: Annotated[
        bool,
        typer.Option(help="Keep half of a site's patients for methods that adapt to its images; else all are tested."),
    ] = True

    def choices(self, source: str = "") -> Choices:
        """Return the choices of a protocol that these options make.

        Args:
            source: Domain to train on; by default the option.

        Raises:
            MedshiftError: A shift, family or severity does not exist, or an option names none.
        """
        return replace(
            super().choices(source or self.source),
            targets=tuple(self.targets or ()),
            positive=self.positive,
            scale=self.severity_scale,
            requantise=self.requantise,
            groups_per_domain=self.groups_per_domain,
            ignore_split=self.ignore_split,
            adapt=self.adapt,
        )


def split_names(given: Sequence[str] | None, option: str = "") -> tuple[str, ...]:
    """Split a comma-separated option that may be repeated into names without commas.

    Args:
        given: What was typed.
        option: Its name, where it must not be empty if it is given: leaving it out means all.

    Raises:
        MedshiftError: It is empty.
    """
    names = tuple(name.strip() for text in given or () for name in text.split(",") if name.strip())
    if option and given and not names:
        raise MedshiftError(f"{option} names nothing: leave it out for all that suit the data")
    return names


def refuse_budget_twice(budget: str, settings: Sequence[str] | None) -> None:
    """Raise MedshiftError if `--budget` comes with the `--set` that it is short for, or with steps, which beat it."""
    from ..runs.tuning import said_twice

    if twice := said_twice(budget, settings or ()):
        raise MedshiftError(f"--budget {budget} and --set {twice} both say how long to train: give one")


def typed_options(context: typer.Context, kinds: Sequence[type]) -> frozenset[str]:
    """List the options that were typed, without their dashes, be it at their defaults.

    Args:
        context: Of the command.
        kinds: The dataclasses of options that are asked about.
    """
    names = [field.name for kind in kinds for field in fields(kind)]
    sources = {name: context.get_parameter_source(name) for name in names}
    return frozenset(
        name.replace("_", "-")
        for name, source in sources.items()
        if source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")
    )


def parse_severities(text: str) -> tuple[int, ...]:
    """Parse a comma-separated option into severities, ascending.

    Raises:
        MedshiftError: One of them is not a whole number.
    """
    try:
        return tuple(sorted(int(step) for step in text.split(",")))
    except ValueError:
        raise MedshiftError(f"invalid --severities {text!r}: use whole numbers from 1 to 5, comma-separated") from None


def expand(function: Callable[..., None]) -> Callable[..., None]:
    """Replace every parameter of a command that is a dataclass of options by its fields.

    Typer sees the fields, the command gets the dataclass: many commands share options, and declare them once.
    """
    hints = get_type_hints(function, include_extras=True)
    parameters, groups = [], {}
    for parameter in inspect.signature(function).parameters.values():
        kind = hints[parameter.name]
        if is_dataclass(kind):
            own = get_type_hints(kind, include_extras=True)
            groups[parameter.name] = kind
            parameters += [
                inspect.Parameter(
                    field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=own[field.name]
                )
                for field in fields(kind)
            ]
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=kind))

    def command(**given: Any) -> None:  # noqa: ANN401
        made = {
            name: cast("Callable[..., object]", kind)(
                **{field.name: given.pop(field.name) for field in fields(kind) if field.name in given}
            )
            for name, kind in groups.items()
        }
        function(**made, **given)

    command.__name__, command.__doc__, command.__module__ = function.__name__, function.__doc__, function.__module__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command
