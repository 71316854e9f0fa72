"""PNG, JPEG, TIFF and BMP, 8 and 16 bit, grey and colour."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from ......shifts.errors import MedshiftError
from .....files.wording import plural
from ...not_finite import nan_note
from ...notes import GraveNote
from ...options import Options
from ...pixel_options import parse_background
from ...problems import Problems, UnsupportedFile
from ..frames import ONE_OF_EACH
from ..reader import Depth, choose_channels, most_common, read_headers
from ..sizes import Sizes
from ..value_range import ValueRanges
from .header import PictureHeader, read_header
from .pixels import PictureDecoder

WIDTHS: tuple[Depth, ...] = ("uint8", "uint16", "float32")
NAMED = {1: "grey", 3: "colour"}


class PictureReader:
    """All pictures of a data set; headers are read at once, pixels one by one.

    Args:
        root: Folder that the paths are relative to.
        rows: Rows of existing files in these formats.
        options: The user's choices.
        problems: Collects what is wrong with headers.
        progress: Called with (headers read, all headers).
    """

    def __init__(
        self,
        root: Path,
        rows: pd.DataFrame,
        options: Options,
        problems: Problems,
        progress: Callable[[int, int], None],
    ) -> None:
        self._root, self.private = root, False
        self.ranges = ValueRanges(options.value_ranges, options.depth)
        self.notes: list[str] = []
        head = partial(read_header, depth=options.depth, slices=options.slices, scaled=bool(self.ranges))
        self.rows, of_files = read_headers(root, rows, head, list[PictureHeader], problems, progress)
        if options.slices:
            self._take_pages(of_files, options, problems)
        self._headers = [header for of_file in of_files for header in of_file]
        self._names = self.rows["file"].tolist()
        self.channels = choose_channels([header.channels for header in self._headers], options)
        found = [header.dtype for header in self._headers]
        self._native = max(found, key=WIDTHS.index) if self.ranges.scales else most_common(found)
        self._refused = self._refuse_mixed(options, problems) if options.depth is None else {}
        self.windowed = False
        self.dropped: int | list[int] = 0
        self.dtype, self.value_range, scaled = self._choose_type(options)
        sizes = Sizes([(header.width, header.height) for header in self._headers], self.rows, options, problems)
        self.rows, self.side = sizes.add_columns(self.rows), sizes.side
        self.notes += sizes.notes()
        if self.dtype == "float32" and not self.ranges:
            sizes.refuse_bars("--value-range LOW,HIGH")
        if options.nan_as:
            self._refuse_nan_as(problems)
            self.notes.append(nan_note(options.nan_as, "pixels", "image"))
        background = parse_background(options.background)
        self._decoder = PictureDecoder(
            self.channels, self.side, self.dtype, options.fit, background, self.ranges, options.nan_as, scaled
        )

    def _take_pages(self, of_files: list[list[PictureHeader]], options: Options, problems: Problems) -> None:
        """Make one row per page; pages of a file share its group."""
        if max(of_file[0].pages for of_file in of_files) == 1:
            raise MedshiftError(
                "--slices goes with NIfTI, or with files of several pages or frames: these have one each"
            )
        for name, line, of_file in zip(self.rows["file"], self.rows["line"], of_files, strict=True):
            if len(of_file) < options.slices:
                problems.add(f"{name}: has 1 page, fewer than --slices {options.slices}{ONE_OF_EACH}", line)
        rows = self.rows.loc[self.rows.index.repeat([len(of_file) for of_file in of_files])].copy()
        alone = rows["group"] == ""
        if alone.any() and not options.group_pattern:
            rows.loc[alone, "group"] = rows["file"][alone]
            told = "EACH FILE IS ITS OWN GROUP: name the patient with --group-pattern or split_group"
            self.notes.append(GraveNote(told))
        rows["slice"] = [str(header.page) for of_file in of_files for header in of_file]
        rows["sample_id"] = rows["file"] + "#" + rows["slice"]
        self.rows = rows.reset_index(drop=True)
        self.notes.append(f"{plural(options.slices, 'page')} of each file, spread evenly")

    def _choose_type(self, options: Options) -> tuple[Depth, tuple[float, float] | None, bool]:
        """Return the stored type, the value range, and whether each picture is scaled from its own bits to 16."""
        if self.ranges:
            own = {"uint8": 8, "float32": 0}
            self.ranges.depths = [own.get(header.dtype, header.bits) for header in self._headers]
            return (*self.ranges.choose_type(self._native), False)
        bits = sorted({header.bits for header in self._headers if header.dtype == "uint16"})
        if options.depth == 8:
            if bits:
                self.notes.append(f"upper 8 bits of {' or '.join(map(str, bits))}")
                self.dropped = [header.bits - 8 if header.dtype == "uint16" else 0 for header in self._headers]
            return "uint8", None, False
        if self._native != "uint16" or bits == [16]:
            return self._native, None, False
        if len(bits) > 1:
            self.notes.append(f"stored with {', '.join(map(str, bits))} bits: each scaled to the full range")
            return "uint16", None, True
        self.notes.append(f"values of {bits[0]} bits, as the files say")
        return "uint16", (0.0, 2.0 ** bits[0] - 1), False

    def _refuse_mixed(self, options: Options, problems: Problems) -> dict[int, str]:
        """Add the pictures whose channels or depth differ from most others; return the rows of other depth, and why."""
        refused: dict[int, str] = {}
        common = most_common([header.channels for header in self._headers])
        files = zip(self.rows["file"], self.rows["line"], self._headers, strict=True)
        for row, (name, line, header) in enumerate(files):
            if header.channels != common and not options.channels:
                what = f"{NAMED[header.channels]}, most others are {NAMED[common]}"
                problems.add(f"{name}: {what} (--channels 1 or 3 converts)", line)
            if header.dtype != self._native and not self.ranges.scales:
                what = f"values are {header.dtype}, those of most others {self._native}"
                way = "save a domain's files in one depth; --value-range DOMAIN:LOW,HIGH scales domains that differ"
                refused[row] = f"{what} ({way})"
                problems.add(f"{name}: {refused[row]}", line)
        return refused

    def _refuse_nan_as(self, problems: Problems) -> None:
        """Raise MedshiftError if no picture can hold NaN; files that could not be read, which may, are told first."""
        if not len(problems) and not any(self.floats):
            raise MedshiftError("--nan-as goes with floats, and no picture of the set holds them: leave it out")

    @property
    def floats(self) -> list[bool]:
        """Whether each row is of floats."""
        return [header.dtype == "float32" for header in self._headers]

    @property
    def largest(self) -> int:
        """Number of values in the largest page."""
        return max(header.width * header.height * header.channels for header in self._headers)

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return (self.channels, self.side, self.side)

    def image(self, index: int) -> NDArray[Any]:
        """Return the pixels (C, H, W) of a row.

        Raises:
            UnsupportedFile: The file cannot be read.
            Exception: Whatever the decoder raises.
        """
        if index in self._refused:  # its values do not fit the set: the same words, which are told once
            raise UnsupportedFile(self._refused[index])
        return self._decoder.read(self._root / self._names[index], self._headers[index], index)

    def closing_notes(self) -> list[str]:
        """Return what was done to how many pictures; call it once they are read."""
        return self._decoder.notes()
