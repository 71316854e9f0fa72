"""Decoders of compressed DICOM: whether one is installed, and which one is taken."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ...problems import UnsupportedFile

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

EXTRA = "pip install 'medshift[dicom]'"
EXTENDED, HIGH_THROUGHPUT = "12-bit JPEG Extended", "High-Throughput JPEG 2000"
ELSEWHERE = {  # what the extra does not decode: one package is GPL, the other rarely needed
    EXTENDED: "pip install pylibjpeg pylibjpeg-libjpeg",
    HIGH_THROUGHPUT: "pip install pylibjpeg pylibjpeg-openjpeg",
}
JPEG, JPEG_EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
RLE = "1.2.840.10008.1.2.5"
FRAME_HEADERS = (*{*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}, 0xF7)  # of JPEG (ITU-T T.81, table B.1), and of JPEG-LS
NAMES = {  # as viewers say; pydicom's names are longer than a line
    "1.2.840.10008.1.2.4.57": "JPEG Lossless",
    "1.2.840.10008.1.2.4.70": "JPEG Lossless",
    "1.2.840.10008.1.2.4.80": "JPEG-LS",
    "1.2.840.10008.1.2.4.81": "JPEG-LS",
    "1.2.840.10008.1.2.4.90": "JPEG 2000",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.4.201": HIGH_THROUGHPUT,
    "1.2.840.10008.1.2.4.202": HIGH_THROUGHPUT,
    "1.2.840.10008.1.2.4.203": HIGH_THROUGHPUT,
}


def lacking_decoder(read: Dataset) -> str:
    """Return why the pixels of an opened file cannot be decoded here, with what to install; empty if they can."""
    from pydicom.pixels.decoders.base import get_decoder

    syntax = read.file_meta.TransferSyntaxUID
    if not syntax.is_transfer_syntax or not syntax.is_encapsulated:
        return ""  # what is wrong with an unknown one shows when it is decoded
    try:
        decoder: Any = get_decoder(syntax)
    except NotImplementedError:
        return f"its pixels are {syntax.name}, which cannot be read: convert it first"
    name = NAMES.get(syntax, syntax.name)
    there = bool(decoder.is_available)
    if syntax == JPEG_EXTENDED and int(read.get("BitsStored") or 8) > 8:
        name, there = EXTENDED, "pylibjpeg" in decoder.available_plugins
    return "" if there else f"{name}, which needs a decoder: {ELSEWHERE.get(name, EXTRA)}"


def decode(read: Dataset, frame: int | None = None) -> NDArray[Any]:
    """Return the stored values (H, W) or colours (H, W, 3) of an opened file, YBR converted to RGB.

    Lossy JPEG is decoded by Pillow wherever it can: another decoder may round otherwise, and which ones are installed
    must not change the pixels. Where the JPEG itself says how its colours are stored (Adobe's marker), Pillow returns
    RGB, whatever the header says, and they are not converted again.

    Args:
        read: The whole file.
        frame: One of several frames; None if it holds one.

    Raises:
        UnsupportedFile: Its compressed words have unused bits, perhaps below their values.
        Exception: Whatever pydicom raises.
    """
    from pydicom.pixels.utils import pixel_array

    syntax = read.file_meta.TransferSyntaxUID
    if syntax in (JPEG, JPEG_EXTENDED):
        try:
            return pixel_array(read, index=frame, decoding_plugin="pillow", raw=_has_adobe_marker(read, frame))
        except (RuntimeError, NotImplementedError, ValueError, OSError):  # another decoder may read it
            return pixel_array(read, index=frame)
    if _unused_below(read):
        if not syntax.is_encapsulated or syntax in (RLE, *JPEG_2000):
            return _aligned(decode_whole_words(read, frame), read)
        precision = _precision(_code(read, frame))
        if not 0 < precision <= int(read.BitsStored):  # some decoders cut words to the stored bits
            raise UnsupportedFile(
                f"stores {read.BitsStored} bits up to bit {read.HighBit} in {NAMES.get(syntax, syntax.name)}: decoders "
                "disagree on where its values lie; save it uncompressed"
            )
    return pixel_array(read, index=frame)


def _has_adobe_marker(read: Dataset, frame: int | None) -> bool:
    """Tell whether a colour JPEG says how its colours are stored; the same question as pydicom asks of it."""
    from PIL import Image

    if int(read.get("SamplesPerPixel") or 1) != 3:
        return False
    with Image.open(io.BytesIO(_code(read, frame)), formats=("JPEG",)) as image:
        return "adobe_transform" in image.info


def _code(read: Dataset, frame: int | None) -> bytes:
    """Return the compressed bytes of a frame."""
    from pydicom.encaps import get_frame

    count, table = int(read.get("NumberOfFrames") or 1), read.get("ExtendedOffsetTable")
    offsets = (table, read.ExtendedOffsetTableLengths) if table else None
    return get_frame(read.PixelData, frame or 0, number_of_frames=count, extended_offsets=offsets)


def _precision(code: bytes) -> int:
    """Return the bits of a value that the frame header of a JPEG or JPEG-LS states; 0 if it has none."""
    at = 2  # behind the start of the image
    while at + 5 <= len(code) and code[at] == 0xFF:
        marker = code[at + 1]
        if marker in FRAME_HEADERS:
            return code[at + 4]
        at += 1 if marker == 0xFF else 2 + int.from_bytes(code[at + 2 : at + 4], "big")  # 0xFF fills
    return 0


def decode_whole_words(read: Dataset, frame: int | None = None) -> NDArray[Any]:
    """Return the stored values with their unused bits, as far as the transfer syntax keeps them."""
    from pydicom.pixels.utils import pixel_array

    return pixel_array(read, index=frame, correct_unused_bits=False)


def _unused_below(read: Dataset) -> int:
    """Return how many unused bits lie below the stored ones, as old files may have it; pydicom looks above only."""
    stored = int(read.get("BitsStored") or 0)
    return max(0, int(read.get("HighBit") or 0) + 1 - stored) if stored > 1 else 0


def _aligned(raw: NDArray[Any], read: Dataset) -> NDArray[Any]:
    """Return values whose unused bits lie below them as they are meant; the sign is kept.

    Where no word is larger than the stored bits hold, they lie above, and the header is wrong. Small numbers with a
    sign do not show that, unless a codec, which knows the bits of what it holds, returns them.
    """
    bits, signed = int(read.BitsStored), raw.dtype.kind != "u"
    above = 8 * raw.dtype.itemsize - bits
    shows = not signed or read.file_meta.TransferSyntaxUID in JPEG_2000
    in_place = shows and (-(2 ** (bits - 1)) if signed else 0) <= raw.min() and raw.max() < 2**bits
    shifted: NDArray[Any] = (raw << (above if in_place else above - _unused_below(read))) >> above
    return shifted
