"""Tags and pages of TIFF files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH, LENGTH, BITS, PHOTOMETRIC, MOST, PLANAR = 256, 257, 258, 262, 281, 284
DESCRIPTION, SAMPLES, EXTRA, SIGNED, DEPTH = 270, 277, 338, 339, 32997
STACKS = ("ImageJ=", '{"shape"')  # descriptions by programs that may write a stack behind the tags of one page
WHITE_IS_ZERO = 0  # PHOTOMETRIC
CHANNELS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3, 9: 3}  # by PHOTOMETRIC; others are not read
ASSOCIATED, UNASSOCIATED = 1, 2  # EXTRA: alpha, with which colours are multiplied or not
COLOURS = 320
REDUCED_OR_MASK = 0b101  # of the kind of page: a smaller version or the mask of another page


def tags(image: Image) -> Any:  # noqa: ANN401
    """Return the tags of an opened TIFF; empty for other formats."""
    return getattr(image, "tag_v2", None) if image.format == "TIFF" else None


def tag(image: Image, number: int, default: int) -> Any:  # noqa: ANN401
    """Return a tag of an opened TIFF, the greatest of several values; the default where it is missing or damaged."""
    held = tags(image) if image.format == "TIFF" else None
    if not held:
        return default
    try:
        found = held.get(number, default)
        return max(found) if isinstance(found, (tuple, list)) else int(found)
    except (TypeError, ValueError):
        return default


def is_white_zero(image: Image) -> bool:
    """Tell whether an opened picture is a TIFF in which larger values are darker."""
    return bool(tag(image, PHOTOMETRIC, 1) == WHITE_IS_ZERO)


def unread_channels(image: Image) -> int:
    """Return how many channels of an opened TIFF are neither grey, colour nor transparency: Pillow drops them.

    A single one beside red, green and blue is passed over: programs write alpha there, and say nothing.
    """
    held = tags(image)
    if not held:
        return 0
    colours = CHANNELS.get(tag(image, PHOTOMETRIC, 1), 0)
    further = int(tag(image, SAMPLES, 1)) - colours
    if not colours or further <= 0:
        return 0
    kinds = held.get(EXTRA, ())
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    unread = further - sum(kind in (ASSOCIATED, UNASSOCIATED) for kind in kinds[:further])
    return 0 if colours == 3 and further == 1 else unread


def mend_palette(image: Image) -> None:
    """Give a TIFF its colours where they are of 8 bits, not of 16 as they should be; all would be black."""
    if image.mode != "P" or not tags(image):
        return
    colours = tags(image).get(COLOURS, ())
    if len(colours) % 3 == 0 and 0 < max(colours, default=0) < 256:
        third = len(colours) // 3
        image.putpalette([colours[band * third + index] for index in range(third) for band in range(3)])


def page_numbers(path: Path, image: Image) -> list[int]:
    """Return the numbers of the pages of an opened picture: of a TIFF, or of a PNG that is animated.

    Smaller versions and masks of a page are none. Of the several pictures in a JPEG of a phone, the first is the
    picture: others are previews or depth.
    """
    if image.format not in ("TIFF", "PNG") or not getattr(image, "is_animated", False):
        return [0]
    if image.format == "PNG":
        return list(range(int(getattr(image, "n_frames", 1))))
    import tifffile  # Pillow can only count pages that it can read

    with tifffile.TiffFile(path) as file:
        kinds = [int(getattr(page, "subfiletype", 0)) for page in file.pages]
    return [number for number, kind in enumerate(kinds) if not kind & REDUCED_OR_MASK] or [0]


def planes_of_page(path: Path, image: Image) -> int:
    """Return how many planes an opened TIFF of one page holds: ImageJ and tifffile may write a stack as one page."""
    depth = int(tag(image, DEPTH, 1))
    if depth > 1 or not tags(image) or not str(tags(image).get(DESCRIPTION, "")).startswith(STACKS):
        return depth
    import tifffile

    with tifffile.TiffFile(path) as file:
        return max(1, file.series[0].size // max(1, file.pages.first.size))
