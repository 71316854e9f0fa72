"""Public sets that cannot be fetched: the steps by hand, which end in a command that reads the files."""

from __future__ import annotations

import pytest
from helpers.progress import nothing
from helpers.public import layouts as published

from medshift.benchmark.datasets.public import get
from medshift.benchmark.datasets.public.catalogue import DEFINITIONS
from medshift.shifts.errors import MedshiftError


def test_steps_by_hand_end_in_a_command_that_reads_what_was_put_there(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    with pytest.raises(MedshiftError) as error:
        get.get("camelyon17", nothing, offline=True, image_size=48)
    place = tmp_path / "raw" / "camelyon17"
    assert str(error.value).endswith(f"3. medshift data get camelyon17 --from {place} --image-size 48")
    published.camelyon17(place)
    assert get.get("camelyon17", nothing, folder=place, image_size=48).spatial == (48, 48)
    (tmp_path / "my files").mkdir()
    with pytest.raises(MedshiftError) as error:
        get.get("ham10000", nothing, folder=tmp_path / "my files")
    assert str(error.value).endswith(f"3. medshift data get ham10000 --from '{tmp_path}/my files'")


@pytest.mark.parametrize("name", [d.name for d in DEFINITIONS if d.name != "pathmnist"])
def test_without_a_network_the_steps_by_hand_are_said(name, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    monkeypatch.setenv("MEDSHIFT_OFFLINE", "1")
    definition = next(d for d in DEFINITIONS if d.name == name)
    with pytest.raises(MedshiftError) as error:
        get.get(name, nothing)
    said = str(error.value)
    fetched = definition.remotes or definition.repositories
    assert ("the network is switched off" if fetched else "accept its terms") in said
    assert f"put these into {tmp_path / 'raw' / name}" in said
    for text in (definition.page, definition.licence, definition.layout[0][0], f"medshift data get {name}"):
        assert text in said
    assert not any(tmp_path.iterdir())
