"""Archives are unpacked within their folder and their size, whatever the version of Python guards against."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile

import pytest

from medshift.benchmark.files.bounded import archive
from medshift.benchmark.files.bounded.archive import unpack_archive
from medshift.shifts.errors import MedshiftError


def member(name, kind=tarfile.REGTYPE, link="", content=b"ok"):
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    made.size = len(content) if kind == tarfile.REGTYPE else 0
    return made, io.BytesIO(content) if kind == tarfile.REGTYPE else None


def chain(tar):
    """The chain of links that leads `realpath` astray (CVE-2025-4517)."""
    deep, steps, path = "d" * 247, "abcdefghijklmnop", ""
    for step in steps:
        tar.addfile(*member(f"{path}{deep}", tarfile.DIRTYPE))
        tar.addfile(*member(f"{path}{step}", tarfile.SYMTYPE, deep))
        path = f"{path}{deep}/"
    long = "/".join(steps) + "/" + "l" * 254
    tar.addfile(*member(long, tarfile.SYMTYPE, "../" * len(steps)))
    tar.addfile(*member("escape", tarfile.SYMTYPE, f"{long}/../outside"))
    tar.addfile(*member("escape/evil.txt"))


MEMBERS = {
    "a climbing path": (lambda t: t.addfile(*member("a/../../evil.txt")), "leads out of the folder"),
    "an absolute path": (lambda t: t.addfile(*member("/tmp/evil.txt")), "leads out of the folder"),
    "a drive": (lambda t: t.addfile(*member("C:evil.txt")), "leads out of the folder"),
    "backslashes": (lambda t: t.addfile(*member("..\\evil.txt")), "leads out of the folder"),
    "a link": (lambda t: t.addfile(*member("x", tarfile.SYMTYPE, "/etc")), "is a link or device"),
    "a hard link to nothing": (lambda t: t.addfile(*member("x", tarfile.LNKTYPE, "missing")), "is a link or device"),
    "a device": (lambda t: t.addfile(*member("x", tarfile.CHRTYPE)), "is a link or device"),
    "a pipe": (lambda t: t.addfile(*member("x", tarfile.FIFOTYPE)), "is a link or device"),
    "a chain of links": (chain, "is a link or device"),
    "a device's name": (lambda t: t.addfile(*member("set/nul.png")), "device on Windows"),
    "controls in a name": (lambda t: t.addfile(*member("a\x1b[2J")), "U+001B"),
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_member_that_leads_elsewhere_stops_the_unpacking(tmp_path, kind):
    add, says = MEMBERS[kind]
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar)
    (tmp_path / "in").mkdir()
    with pytest.raises(MedshiftError) as error:
        unpack_archive(tmp_path / "a.tar", tmp_path / "in")
    assert says in str(error.value)
    assert str(error.value).isprintable()
    assert not list(tmp_path.rglob("evil*"))


def test_a_link_that_lay_there_before_is_not_written_through(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "set").symlink_to(tmp_path)
    (tmp_path / "in" / "file").symlink_to(tmp_path / "theirs")
    for name, said in (("set/evil.txt", "leads out"), ("file", "")):
        with tarfile.open(tmp_path / "a.tar", "w") as tar:
            tar.addfile(*member(name))
        if said:
            with pytest.raises(MedshiftError, match=said):
                unpack_archive(tmp_path / "a.tar", tmp_path / "in")
        else:
            unpack_archive(tmp_path / "a.tar", tmp_path / "in")
    assert not (tmp_path / "theirs").exists()
    assert (tmp_path / "in" / "file").read_bytes() == b"ok"


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("x")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(MedshiftError, match="is a link or device"):
        unpack_archive(tmp_path / "a.zip", tmp_path)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.xz"])
def test_what_unpacks_to_more_than_its_size_allows_is_stopped(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(archive, "BASE", 1 << 20)
    (tmp_path / "zeros").write_bytes(bytes(8 << 20))
    path = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.write(tmp_path / "zeros", "zeros")
    else:
        with tarfile.open(path, f"w:{kind.partition('.')[2]}") as tar:
            tar.add(tmp_path / "zeros", "zeros")
    (tmp_path / "in").mkdir()
    with pytest.raises(MedshiftError, match="unpacks to more than"):
        unpack_archive(path, tmp_path / "in")
    assert sum(each.stat().st_size for each in (tmp_path / "in").iterdir()) < 3 << 20


def test_an_honest_archive_is_unpacked_and_unpacked_again(tmp_path):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.addfile(*member("set", tarfile.DIRTYPE))
        tar.addfile(*member("./set/ä 1.png", content=b"x" * 100_000))
    for _ in range(2):
        unpack_archive(tmp_path / "a.tar.gz", tmp_path)
        assert (tmp_path / "set" / "ä 1.png").read_bytes() == b"x" * 100_000
