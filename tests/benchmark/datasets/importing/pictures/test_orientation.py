"""Pictures stored on their side are turned as they say, and counted."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from helpers.images.picture_files import exif, listed, png
from PIL import Image

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.formats.pictures.orientation import turn_values
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest

pytestmark = pytest.mark.usefixtures("home")

UNDONE = {5: 5, 6: 8, 7: 7, 8: 6}  # orientation that undoes another; all others undo themselves
SCENE = np.add.outer(np.arange(12) * 16, np.arange(16)).astype(np.uint8)


def stored(orientation: int, values=SCENE) -> np.ndarray:
    """Return the values as a camera stores them that was held so."""
    return np.ascontiguousarray(turn_values(values, UNDONE.get(orientation, orientation)))


def colour(values) -> np.ndarray:
    return np.stack([values, values // 2, 255 - values], axis=-1)


def jpeg(path, number):
    smooth = np.repeat(np.repeat(stored(number), 8, axis=0), 8, axis=1)
    Image.fromarray(smooth).save(path, quality=100, exif=exif(number))


WRITERS = {
    "png": lambda path, number: Image.fromarray(stored(number)).save(path, exif=exif(number)),
    "png with its EXIF behind the pixels": lambda path, number: png(
        path, stored(number)[..., None], late=(b"eXIf", exif(number).tobytes()[6:])
    ),
    "colour png": lambda path, number: Image.fromarray(colour(stored(number))).save(path, exif=exif(number)),
    "16-bit png": lambda path, number: Image.fromarray(stored(number) * np.uint16(257)).save(path, exif=exif(number)),
    "16-bit colour png": lambda path, number: png(
        path, colour(stored(number)) * np.uint16(257), (b"eXIf", exif(number).tobytes()[6:])
    ),
    "tif": lambda path, number: tiff(path, stored(number), number),
    "16-bit tif": lambda path, number: tiff(path, stored(number) * np.uint16(257), number),
    "float tif": lambda path, number: tiff(path, stored(number).astype(np.float32), number),
    "colour tif": lambda path, number: tiff(path, colour(stored(number)), number),
    "16-bit colour tif": lambda path, number: tiff(path, colour(stored(number)) * np.uint16(257), number),
    "compressed tif": lambda path, number: tiff(path, stored(number), number, compression="zlib"),
}


def tiff(path, values, number, **more):
    photometric = "rgb" if values.ndim == 3 else "minisblack"
    tifffile.imwrite(path, values, photometric=photometric, extratags=[(274, 3, 1, number, True)], **more)


@pytest.mark.parametrize("kind", WRITERS)
def test_every_orientation_of_every_kind_gives_the_same_pixels(tmp_path, kind):
    ending = "tif" if "tif" in kind else "png"
    where = listed(tmp_path / "set", range(1, 9), WRITERS[kind], ending)
    made = add("set", where, Options())
    first = made.pixels[0, 0, 0, :].astype(float)
    assert first.tolist() == (SCENE[0, 2:14] * (257.0 if made.pixels.dtype == np.uint16 else 1)).tolist()
    assert (made.pixels == made.pixels[0]).all()
    assert "7 images were turned as their EXIF says" in made.notes
    if "behind" not in kind:  # where only the pixels' end tells, the header was read too early
        assert "original_width" not in made.table  # all are 16 wide once they are upright
    if "float" not in kind:
        assert (read_manifest(where).pixels == read_manifest(where).pixels[0]).all()


def test_a_jpeg_is_turned(tmp_path):
    made = add("set", listed(tmp_path / "set", range(1, 9), jpeg, "jpg"), Options(image_size=12))
    assert np.abs(made.pixels.astype(int) - SCENE[None, None, :, 2:14]).max() < 12
    assert "7 images were turned as their EXIF says" in made.notes


def test_damaged_or_senseless_exif_turns_nothing(tmp_path):
    def write(path, data):
        png(path, SCENE[..., None], (b"eXIf", data))

    wrong = [b"II*\0", b"nonsense", exif(0).tobytes()[6:], exif(9).tobytes()[6:]]
    made = add("set", listed(tmp_path / "set", wrong, write), Options())
    assert (made.pixels[:, 0] == SCENE[:, 2:14]).all()
    assert not any("turned" in note for note in made.notes)
