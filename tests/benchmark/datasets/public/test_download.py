"""Downloads against a real server on this machine: interrupted, resumed, changed, refused, damaged, forbidden."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers.progress import nothing
from helpers.public import layouts as published

from medshift.benchmark.datasets.public import download, get
from medshift.benchmark.datasets.public.catalogue import DEFINITIONS
from medshift.benchmark.datasets.public.definition import Remote, load_function
from medshift.benchmark.datasets.public.sets import histology
from medshift.shifts.errors import MedshiftError

BODY = np.random.default_rng(0).bytes(3_000_001)


MD5 = f"md5:{hashlib.md5(BODY).hexdigest()}"


class Server(http.server.ThreadingHTTPServer):
    """Serve `body` after `wait` seconds, by default with ranges; break off after `breaks` bytes each time."""

    body, tag, breaks, ranges, status, wait = BODY, '"one"', None, True, 200, 0.0

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/set.bin"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        time.sleep(server.wait)
        if server.status != 200:
            self.send_error(server.status)
            return
        same = self.headers.get("If-Range") in (None, server.tag)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.ranges and same else 0
        size = len(server.body)
        if start and start >= size:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{size}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(size - start))
        self.end_headers()
        end = size if server.breaks is None else start + server.breaks
        self.wfile.write(server.body[start:end])


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "WAIT", 0.0)
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def remote(server, checksum=MD5):
    return Remote(server.url, "set.bin", checksum)


def names(folder):
    """Return the names in a folder, without locks."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_a_whole_file_comes_once(server, tmp_path):
    seen = []
    path = download.fetch(remote(server), tmp_path, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == BODY
    assert seen[-1] == (len(BODY), len(BODY))
    assert names(tmp_path) == ["set.bin"]
    assert download.fetch(remote(server), tmp_path) == path
    assert server.asked == [None]


def test_two_at_once_fetch_and_unpack_one_file_once(server, tmp_path, monkeypatch):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("set/metadata.csv"))
    server.body, server.wait = packed.getvalue(), 0.3
    unpacked = []

    def slow(path, to, **_):
        unpacked.append(path)
        time.sleep(0.3)

    monkeypatch.setattr(download, "unpack_archive", slow)

    def both(_):
        path = download.fetch(remote(server, ""), tmp_path)
        download.unpack(path)
        return path.read_bytes()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(both, range(2))) == [server.body] * 2
    assert server.asked == [None]
    assert len(unpacked) == 1
    assert names(tmp_path) == [".set.bin.unpacked", "set.bin"]


def test_a_folder_that_cannot_be_written_is_said(server, tmp_path):
    (tmp_path / "file").write_text("where a folder should be")
    with pytest.raises(MedshiftError, match=r"file cannot be written: "):
        download.fetch(remote(server), tmp_path / "file")


def test_a_connection_that_breaks_is_taken_up_where_it_broke(server, tmp_path):
    server.breaks = 1_100_000
    path = download.fetch(remote(server), tmp_path)
    assert path.read_bytes() == BODY
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in server.asked[1:]]
    assert len(starts) == 2
    assert all(0 <= 1_100_000 * (index + 1) - start < (index + 1) << 16 for index, start in enumerate(starts))


def test_the_next_call_goes_on_where_the_last_stopped(server, tmp_path):
    server.breaks = 1 << 20
    with pytest.raises(download.Unreachable, match="run the same command again to resume"):
        download.fetch(remote(server), tmp_path, tries=1)
    assert names(tmp_path) == [".set.bin.json", ".set.bin.part"]
    server.breaks = None
    assert download.fetch(remote(server), tmp_path, tries=1).read_bytes() == BODY
    assert server.asked == [None, "bytes=1048576-"]
    assert names(tmp_path) == ["set.bin"]


def test_a_file_that_changed_meanwhile_starts_from_the_beginning(server, tmp_path):
    server.breaks = 1 << 20
    with pytest.raises(download.Unreachable):
        download.fetch(remote(server), tmp_path, tries=1)
    server.breaks, server.body, server.tag = None, BODY[::-1], '"two"'
    changed = f"sha256:{hashlib.sha256(BODY[::-1]).hexdigest()}"
    assert download.fetch(remote(server, changed), tmp_path).read_bytes() == BODY[::-1]


def test_a_server_without_ranges_starts_from_the_beginning(server, tmp_path):
    server.breaks = 1 << 20
    with pytest.raises(download.Unreachable):
        download.fetch(remote(server), tmp_path, tries=1)
    server.breaks, server.ranges = None, False
    assert download.fetch(remote(server), tmp_path).read_bytes() == BODY


def test_a_part_that_is_whole_or_too_long_is_noticed(server, tmp_path):
    (tmp_path / ".set.bin.part").write_bytes(BODY)
    assert download.fetch(remote(server), tmp_path / ".").read_bytes() == BODY
    (tmp_path / "set.bin").unlink()
    (tmp_path / ".set.bin.part").write_bytes(BODY + b"more")
    assert download.fetch(remote(server), tmp_path).read_bytes() == BODY


def test_another_file_than_published_is_refused_and_removed(server, tmp_path):
    server.body = BODY[:-1] + b"!"
    with pytest.raises(MedshiftError, match=r"set\.bin from http.* has md5 .*, the published .*: it was removed"):
        download.fetch(remote(server), tmp_path)
    assert names(tmp_path) == []
    (tmp_path / "set.bin").write_bytes(b"half")
    with pytest.raises(MedshiftError, match=r"remove .*set\.bin and try again"):
        download.fetch(remote(server), tmp_path)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_is_said(server, tmp_path, status):
    server.status = status
    with pytest.raises(download.Unreachable, match=f"answers {status}"):
        download.fetch(remote(server), tmp_path)
    assert len(server.asked) == 1


def test_nobody_there(server, tmp_path):
    gone = Remote("http://127.0.0.1:9/set.bin", "set.bin")
    with pytest.raises(download.Unreachable, match="does not answer"):
        download.fetch(gone, tmp_path)


@pytest.mark.parametrize(("value", "said"), [("1", True), ("true", True), ("", False), ("0", False), ("no", False)])
def test_the_environment_forbids_the_network(monkeypatch, value, said):
    monkeypatch.setenv("MEDSHIFT_OFFLINE", value)
    assert download.offline() is said


def test_archives_are_unpacked_once_and_stay_in_their_folder(tmp_path):
    for name, outside in (("good.tar.gz", False), ("bad.tar", True)):
        with tarfile.open(tmp_path / name, "w:gz" if name.endswith("gz") else "w") as archive:
            member = tarfile.TarInfo("../evil.txt" if outside else "set/metadata.csv")
            member.size = 2
            archive.addfile(member, io.BytesIO(b"ok"))
    download.unpack(tmp_path / "good.tar.gz")
    (tmp_path / "set" / "metadata.csv").write_text("edited")
    download.unpack(tmp_path / "good.tar.gz")
    assert (tmp_path / "set" / "metadata.csv").read_text() == "edited"
    with pytest.raises(MedshiftError, match="cannot be unpacked"):
        download.unpack(tmp_path / "bad.tar")
    assert not (tmp_path.parent / "evil.txt").exists()
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("../evil.txt", "no")
    with pytest.raises(MedshiftError, match="leads out of the folder"):
        download.unpack(tmp_path / "set.zip")
    assert not (tmp_path.parent / "evil.txt").exists()
    (tmp_path / "cut.tar").write_bytes((tmp_path / "bad.tar").read_bytes()[:300])
    with pytest.raises(MedshiftError, match=r"cut\.tar cannot be unpacked"):
        download.unpack(tmp_path / "cut.tar")


def test_what_may_be_fetched_is_named_and_its_checksums_are_published_somewhere():
    for definition in DEFINITIONS:
        if not definition.remotes or definition.name == "pathmnist":
            continue
        for found in load_function(definition.remotes)(definition.side):
            assert found.url.startswith(("http://", "https://"))
            assert bool(found.checksum) == bool(found.published)


def test_from_an_address_to_a_stored_set(server, tmp_path, monkeypatch):
    """Fetched, interrupted, resumed, unpacked, read, stored; a firewall in between leads to the steps by hand."""
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path / "home"))
    want = published.camelyon17(tmp_path / "made")
    (tmp_path / "made/RELEASE_v1.0.txt").write_bytes(BODY[:500_000])
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(tmp_path / "made", arcname="camelyon17_v1.0")
    server.body = packed.getvalue()
    checksum = f"sha256:{hashlib.sha256(server.body).hexdigest()}"
    found = Remote(server.url, "camelyon17_v1.0.tar.gz", checksum, "this test", unpack=True)
    monkeypatch.setattr(histology, "camelyon17_remotes", lambda side: (found,))
    server.status = 403
    with pytest.raises(MedshiftError, match=r"answers 403(?s:.*)put these into"):
        get.get("camelyon17", nothing)
    server.status, server.body, whole = 200, b"another file", server.body
    with pytest.raises(MedshiftError, match=r"the published one has .*: it was removed; try again") as error:
        get.get("camelyon17", nothing)
    assert "put these into" not in str(error.value)  # a person would fetch the same
    server.asked.clear()
    server.body = whole
    server.breaks = len(server.body) // 2 + 1
    dataset = get.get("camelyon17", nothing)
    assert set(dataset.table["sample_id"]) == set(want)
    count = len(server.asked)
    assert server.asked[0] is None
    assert all(asked.startswith("bytes=") for asked in server.asked[1:])
    assert count > 1
    get.get("camelyon17", nothing)
    assert len(server.asked) == count


def test_a_damaged_archive_or_another_set_says_what_helps(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSHIFT_HOME", str(tmp_path))
    monkeypatch.setattr(
        histology, "camelyon17_remotes", lambda side: (Remote(server.url, "camelyon17_v1.0.tar.gz", unpack=True),)
    )
    place = tmp_path / "raw" / "camelyon17"
    with pytest.raises(MedshiftError) as error:
        get.get("camelyon17", nothing)
    assert "camelyon17_v1.0.tar.gz cannot be unpacked: " in str(error.value)
    assert str(error.value).endswith("Remove it and try again, which downloads it again")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("camelyon17_v1.0/other.csv"))
    server.body = packed.getvalue()
    (place / "camelyon17_v1.0.tar.gz").unlink()
    with pytest.raises(MedshiftError) as error:
        get.get("camelyon17", nothing)
    assert "metadata.csv" in str(error.value)
    assert str(error.value).endswith(f"files are in {place}: remove them, and the same command fetches them again.")
