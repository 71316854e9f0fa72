"""DICOM images: physical values or grey levels, and the tags of the scanner."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ......shifts.errors import MedshiftError
from .....files.wording import plural
from ...labels.choose import choose_labels
from ...labels.look_alikes import groups_alike
from ...not_finite import nan_note
from ...notes import GraveNote
from ...options import Options
from ...problems import Problems
from ..frames import ONE_OF_EACH, spread
from ..reader import OWN, Depth, choose_channels, read_headers
from ..resize import luma, resized, square
from ..sizes import Sizes
from ..value_range import ValueRanges
from ..windowing import levels
from .header import ISSUED, DicomHeader, pseudonyms, read_header, with_one_issuer
from .notes import header_notes, stand_ins
from .opening import open_dicom
from .pixels import read_values

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset


class DicomReader:
    """All DICOM images of a data set; headers are read at once, pixels one by one.

    Without a window, values are kept: unsigned integers of their bits, or physical units in float32 if they are
    rescaled or signed. With one, they become grey levels of 16 bits. MONOCHROME1 is inverted: larger is brighter.

    Args:
        root: Folder that the paths are relative to.
        rows: Rows of existing DICOM files.
        options: The user's choices.
        problems: Collects what is wrong with headers.
        progress: Called with (headers read, all headers).
        listed: Whether the rows come from a manifest, which names images, labels and groups.
    """

    def __init__(
        self,
        root: Path,
        rows: pd.DataFrame,
        options: Options,
        problems: Problems,
        progress: Callable[[int, int], None],
        listed: bool,
    ) -> None:
        self._root, self._options = root, options
        self.private = not listed
        label_tag = "" if listed else options.label_column
        kept, heads = read_headers(
            root, rows, partial(read_header, label_tag=label_tag), DicomHeader, problems, progress
        )
        self.notes: list[str] = []
        if label_tag:
            tagged = kept.assign(label=[of.tags[label_tag] for of in heads])
            kept = choose_labels(tagged, label_tag, options, problems, self.notes)
            heads = list(compress(heads, tagged.index.isin(kept.index)))
            kept = kept.reset_index(drop=True)
            problems.check_names(label_tag, kept["label"], kept["line"])
            if not heads:
                problems.add("no image is left")
                problems.stop()
        for name, line, of in zip(kept["file"], kept["line"], heads, strict=True):
            if options.windowing == "file" and not of.windowed:
                problems.add(f"{name}: has no window of its own (--window file)", line)
            if options.windowing in ("fixed", "file") and of.channels == 3:
                problems.add(f"{name}: is colour, to which a window cannot be applied (--window)", line)
        self._heads = heads
        self._last: tuple[Path, FileDataset] | None = None
        self.rows = self._named(kept, problems, label_tag, listed)
        named = [""] * len(heads) if listed or label_tag else self.rows["label"].tolist()
        noted = header_notes(heads, self._domains(), named)
        self._frames = [0] * len(heads)
        if options.slices:
            self._take_frames(problems)
            heads = self._heads
        else:
            self._refuse_frames(problems)
        self.channels = choose_channels([of.channels for of in heads], options)
        for name, line, of in zip(self.rows["file"], self.rows["line"], heads, strict=True):
            if of.channels != self.channels and not (options.channels or options.depth == 8):
                problems.add(f"{name}: {of.channels} channels, most others have {self.channels} (--channels)", line)
        sizes = Sizes([of.size for of in heads], self.rows, options, problems)
        self.rows, self.side = sizes.add_columns(self.rows), sizes.side
        self.notes += sizes.notes()
        if any(of.padded for of in heads):
            self.notes.append("padding outside the image (PixelPaddingValue) is as dark as its darkest pixel")
        if self.channels == 1 and any(of.channels == 3 for of in heads):
            self.notes.append("colour converted to grey by ITU-R BT.601: 0.299 red, 0.587 green, 0.114 blue")
        self.windowed = options.windowing != "none"
        self.ranges = ValueRanges(options.value_ranges, options.depth)
        self.dropped: int | list[int] = 0
        self.dtype, self.value_range = self._type()
        if self.dtype == "float32" and not self.ranges:
            sizes.refuse_bars("--value-range LOW,HIGH or --window CENTRE,WIDTH")
        if options.nan_as:
            self.notes.append(nan_note(options.nan_as, "pixels", "image"))
        self.notes.extend(noted)

    @property
    def floats(self) -> list[bool]:
        """Whether the values of each row are kept as floats."""
        return [of.rescaled or of.signed or of.bits > 16 for of in self._heads]

    def closing_notes(self) -> list[str]:
        """Return what was done to how many images."""
        return self.ranges.notes()

    @property
    def largest(self) -> int:
        """Number of values in the largest file."""
        return max(of.width * of.height * of.channels * of.frames for of in self._heads)

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W)."""
        return (self.channels, self.side, self.side)

    def _named(self, rows: pd.DataFrame, problems: Problems, label_tag: str, listed: bool) -> pd.DataFrame:
        """Add tags and groups to the rows, and sample ids that say nothing about the patient."""
        rows = rows.copy()
        for name in self._heads[0].tags:
            own = f"tag_{name}" if name in rows or name in OWN else name
            rows[own] = [of.tags[name] for of in self._heads]
        if not (rows["group"] != "").any() and not self._options.group_pattern:
            # groups of a manifest are the user's own names and stay
            patients = with_one_issuer([of.patient for of in self._heads])
            self.notes += groups_alike(patient.partition(ISSUED)[0] for patient in patients)
            self.notes += stand_ins(self._heads)
            people = pseudonyms(patients, "p-")
            rows["group"] = [people[patient] for patient in patients]
            self.notes.append("groups are hashed patient ids")
            unknown = sum(of.anonymous for of in self._heads)
            if unknown:
                self.notes.append(GraveNote(f"{unknown:,} images have no patient id: their study is their group"))
        if listed:
            return rows
        for name, line, label in zip(rows["file"], rows["line"], rows["label"], strict=True):
            if not label:
                problems.add(f"{name}: lacks {label_tag or 'a folder that names its class'}", line)
        first: dict[str, str] = {}
        for name, of in zip(rows["file"], self._heads, strict=True):
            if not of.instance:
                problems.add(f"{name}: lacks SOPInstanceUID")
            elif first.setdefault(of.instance, name) != name:
                problems.add(f"{name}: the same image as {first[of.instance]} (SOPInstanceUID)")
        # a path may hold a patient's name
        images = pseudonyms((of.instance for of in self._heads), "i-")
        rows["sample_id"] = [images[of.instance] for of in self._heads]
        return rows

    def _domains(self) -> list[str]:
        """Return the domain of each row, as far as it is known yet."""
        tag = self._options.domain_from
        return self.rows[tag if not (self.rows["domain"] != "").any() and tag in self.rows else "domain"].tolist()

    def _refuse_frames(self, problems: Problems) -> None:
        """Add the files of several frames."""
        for name, line, of in zip(self.rows["file"], self.rows["line"], self._heads, strict=True):
            if of.frames > 1:
                problems.add(f"{name}: {of.frames:,} frames: --slices N takes N of each", line)

    def _take_frames(self, problems: Problems) -> None:
        """Make one row per frame taken; frames of a file share its group."""
        wanted = self._options.slices
        if all(of.frames == 1 for of in self._heads):
            raise MedshiftError(
                "--slices goes with NIfTI, or with files of several pages or frames: these have one each"
            )
        for name, line, of in zip(self.rows["file"], self.rows["line"], self._heads, strict=True):
            if of.frames < wanted:
                problems.add(
                    f"{name}: has {plural(of.frames, 'frame')}, fewer than --slices {wanted}{ONE_OF_EACH}", line
                )
        taken = [spread(of.frames, min(wanted, of.frames)) for of in self._heads]
        rows = self.rows.loc[self.rows.index.repeat([len(frames) for frames in taken])].reset_index(drop=True)
        self._frames = [frame for frames in taken for frame in frames]
        rows["slice"] = [str(frame) for frame in self._frames]
        names = rows["sample_id"] if "sample_id" in rows else rows["file"]
        rows["sample_id"] = names + "#" + rows["slice"]
        self._heads = [of for of, frames in zip(self._heads, taken, strict=True) for _ in frames]
        self.rows = rows
        self.notes.append(f"{plural(wanted, 'frame')} of each file, spread evenly")

    def _type(self) -> tuple[Literal["uint8", "uint16", "float32"], tuple[float, float] | None]:
        """Return type and value range of the data set; add notes on how values are read."""
        how = self._options.windowing
        if how != "none":
            self.notes.append(
                {"fixed": f"window {self._options.window}", "file": "each file's own window"}.get(
                    how, "each image scaled from its 0.5th to its 99.5th percentile"
                )
            )
            return "uint16", None
        if self.ranges:
            self.ranges.depths = [] if any(self.floats) else [of.bits for of in self._heads]
            native: Depth = "uint8" if all(of.bits <= 8 for of in self._heads) else "uint16"
            return self.ranges.choose_type("float32" if any(self.floats) else native)
        if any(self.floats):
            self.notes.append(
                "rescaled values; the least and greatest of the set become 0 and 1 (--window narrows them)"
            )
            return "float32", None
        bits = {of.bits for of in self._heads}
        if len(bits) > 1:
            self.notes.append(f"stored with {', '.join(map(str, sorted(bits)))} bits: each scaled to the full range")
            return "uint16", None
        (count,) = bits
        full = None if count in (8, 16) else (0.0, float(2**count - 1))
        return ("uint8" if count <= 8 else "uint16"), full

    def image(self, index: int) -> NDArray[Any]:
        """Return the pixels (C, side, side) of a row.

        Raises:
            UnsupportedFile: The file cannot be read.
            Exception: Whatever pydicom raises.
        """
        path = self._root / self.rows["file"].iloc[index]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = read_values(self._open(path), self._heads[index], self._options, self._frames[index])
        if values.shape[0] != self.channels:
            values = np.repeat(values, 3, axis=0) if self.channels == 3 else luma(values)[None]
        if self._options.windowing != "none":
            return self._square(levels(values), index)
        most = 2 ** self._heads[index].bits - 1
        if self.ranges:
            stored = self.ranges.store(self.ranges.scale(values, index, (0, most)))
            return self._square(stored, index, self.ranges.black)
        if self.dtype == "float32":
            return self._square(values.astype(np.float32), index)
        values = np.clip(np.rint(values), 0, most)  # unused high bits may hold anything
        if self.dtype == "uint16" and self.value_range is None and most != 65535:
            values = np.rint(values * (65535 / most))
        return self._square(values.astype(self.dtype), index)

    def _square(self, values: NDArray[Any], index: int, black: float | None = None) -> NDArray[Any]:
        return square(resized(values, *self._heads[index].size), self.side, self._options.fit, black)

    def _open(self, path: Path) -> FileDataset:
        if self._options.slices == 0:
            return open_dicom(path)
        if self._last is None or self._last[0] != path:  # frames of a file follow each other
            self._last = (path, open_dicom(path))
        return self._last[1]
