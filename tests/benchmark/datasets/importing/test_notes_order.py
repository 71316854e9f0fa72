"""The gravest notes come first, because a screen may show only the first of them."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.images.picture_files import listed

from medshift.benchmark.datasets.importing.add import add
from medshift.benchmark.datasets.importing.notes import GraveNote, ValueNote, by_gravity
from medshift.benchmark.datasets.importing.options import Options
from medshift.benchmark.datasets.manifest import read_manifest

IMAGES = np.random.default_rng(0).integers(0, 1000, (20, 8, 8)).astype(np.uint16)


def test_notes_alike_in_gravity_keep_their_order():
    made = by_gravity(["a", ValueNote("b"), "c", GraveNote("d"), ValueNote("e"), GraveNote("f")])
    assert made == ["d", "f", "b", "e", "a", "c"]
    assert {type(note) for note in made} == {str}


@pytest.mark.usefixtures("home")
def test_equal_images_then_groups_then_values_then_how_files_were_read_by_both_ways(tmp_path):
    images = IMAGES.copy()
    images[2] = images[0]  # of the other class
    where = listed(tmp_path / "in", images)
    table = (where / "manifest.csv").read_text().replace("split_group", "patient").replace(",", ";")
    (where / "manifest.csv").write_text(table)
    added = add("set", where, Options(image_size=8)).notes
    begin = (
        "DIFFERENT LABELS",
        "2 images are equal",
        "EACH IMAGE",
        "the greatest of all values",
        "manifest.csv is separated",
    )
    assert [note[: len(start)] for note, start in zip(added, begin, strict=False)] == list(begin)
    read = read_manifest(where, group_pattern="(.*)").notes
    kinds = ("DIFFERENT LABELS", "the greatest of all values", "upper 8 bits", "manifest.csv is separated")
    places = [next(n for n, note in enumerate(read) if note.startswith(kind)) for kind in kinds]
    assert places == sorted(places)
