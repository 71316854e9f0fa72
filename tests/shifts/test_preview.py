"""The contact sheet is a PNG, identical on every call."""

from PIL import Image

from medshift.shifts.numerics.phantom import phantom
from medshift.shifts.preview import contact_sheet


def test_contact_sheet(tmp_path):
    for name in ("a.png", "b.png"):
        contact_sheet(phantom(2, 3, (24, 24)), ["a", "b"], ["gamma", "psf-blur"], [1, 5], 0, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    width, height = Image.open(tmp_path / "a.png").size
    assert width > 300
    assert height > 300


def test_volumes_show_their_middle_slice(tmp_path):
    contact_sheet(phantom(1, 1, (8, 16, 16)), ["a"], ["gaussian-noise"], [1, 3, 5], 0, tmp_path / "v.png")
    assert (tmp_path / "v.png").stat().st_size > 1000
