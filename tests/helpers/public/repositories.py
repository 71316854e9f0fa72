"""Small made-up repositories in the layout of those that sets are fetched from, and a server for them."""

from __future__ import annotations

import hashlib
import http.server
import io
import threading
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from PIL import Image

from medshift.benchmark.datasets.public import gather, repositories
from medshift.benchmark.datasets.public.catalogue import find
from medshift.benchmark.datasets.public.repositories import PinnedFile, write_pins

SIDES = {"pbc_barcelona": (360, 363), "jtsc_motic": (120, 120), "cellavision_blog": (300, 300), "bccd": (250, 250)}


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    """Encode an image without loss, whatever its name will be."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def cell(domain: str, value: int) -> bytes:
    """Make an image of one grey value, of PBC with white around the central 224 pixels."""
    width, height = SIDES[domain]
    pixels = np.full((height, width, 3), value, np.uint8)
    if domain == "pbc_barcelona":
        pixels[:] = 255
        left, top = (width - 224) // 2, (height - 224) // 2
        pixels[top : top + 224, left : left + 224] = value
    return encoded(pixels, "BMP" if domain in ("jtsc_motic", "cellavision_blog") else "PNG")


def blood_cells() -> tuple[dict[str, bytes], dict[str, tuple[int, str, str, str]]]:
    """Two images per kind and source, basophils among them; return files, and what each sample must be."""
    kinds = ("neutrophil", "lymphocyte", "monocyte", "eosinophil", "basophil")  # codes 1 to 5
    made: dict[str, bytes] = {}
    want: dict[str, tuple[int, str, str, str]] = {}
    value = 0
    for number in range(2):
        for kind in kinds:
            value += 1
            at = number * len(kinds) + kinds.index(kind) + 1
            for domain, key in (
                (
                    "pbc_barcelona",
                    f"Blood-Cell-Classification/PBC_dataset_normal_DIB/{kind}/{kind[:2].upper()}_{at}.jpg",
                ),
                ("bccd", f"BCCD/BCCD_cropped/{kind.title()}/BloodImage_{at:05d}_1.jpg"),
                ("jtsc_motic", f"segmentation_WBC/Dataset 1/{at:03d}.bmp"),
                ("cellavision_blog", f"segmentation_WBC/Dataset 2/{at:03d}.bmp"),
            ):
                if kind == "basophil" and domain in ("pbc_barcelona", "bccd"):
                    continue
                grey = value + 50 * list(SIDES).index(domain)
                made[key] = cell(domain, grey)
                if kind != "basophil":
                    want[key] = (grey, kind, domain, key)
    for number, column in ((1, "class label"), (2, "class")):
        rows = "".join(f"{at},{(at - 1) % 5 + 1}\r\n" for at in range(1, 11))
        made[f"segmentation_WBC/Class Labels of Dataset {number}.csv"] = f"image ID,{column}\r\n{rows}".encode()
    return made, want


def retinas() -> dict[str, bytes]:
    """Two photographs of DRIVE and both eyes of a child of CHASE_DB1; red and green are column and row."""
    made: dict[str, bytes] = {}
    for name, size in (("21_training", 120), ("01_test", 120), ("Image_01L", 240), ("Image_01R", 240)):
        scale = size // 120
        rows, columns = np.mgrid[:size, :size] // scale
        pixels = np.stack([columns, rows, np.full_like(rows, 200)], axis=-1).astype(np.uint8)
        vessel = np.where((columns >= 50) & (columns < 56), 255, 0).astype(np.uint8)
        if scale == 2:
            pixels[:, : 20 * scale] = 20  # outside the field of view
            made[f"data/CHASEDB1/{name}.jpg"] = encoded(pixels)
            made[f"data/CHASEDB1/{name}_1stHO.png"] = encoded(vessel > 0)
            continue
        number, _, part = name.partition("_")
        below = f"data/DRIVE/datasets/{'testing' if part == 'test' else part}"
        made[f"{below}/images/{name}.tif"] = encoded(pixels, "TIFF")
        made[f"{below}/1st_manual/{number}_manual1.gif"] = encoded(vessel, "GIF")
        made[f"{below}/mask/{name}_mask.gif"] = encoded(np.full((size, size), 255, np.uint8), "GIF")
    return made


def write_below(folder: Path, files: dict[str, bytes]) -> None:
    for key, body in files.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def pinned(name: str, files: dict[str, bytes]) -> tuple[PinnedFile, ...]:
    """List files as they are pinned for a set."""
    folders = {one.folder: one for one in find(name).repositories}
    made = []
    for key in sorted(files):
        clone, _, path = key.partition("/")
        made.append(PinnedFile(folders[clone], path, len(files[key]), hashlib.sha256(files[key]).hexdigest()))
    return tuple(made)


class Server(http.server.ThreadingHTTPServer):
    """Serve files as raw.githubusercontent.com does: OWNER/NAME/COMMIT/PATH; `asked` lists keys."""

    def __init__(self, name: str, files: dict[str, bytes]):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {pin.url.removeprefix(repositories.HOST): (pin.key, files[pin.key]) for pin in pinned(name, files)}
        self.asked: list[str] = []
        self.damaged: set[str] = set()
        self.gone: set[str] = set()
        self.longer = 0  # bytes behind each file
        self.busy = 0  # requests that are told to come back after 7 seconds


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        assert unquote(self.path) != self.path or " " not in self.path
        key, body = self.server.files[self.path]
        self.server.asked.append(key)
        if self.server.busy:
            self.server.busy -= 1
            self.send_response(429)
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        found = key not in self.server.gone
        if key in self.server.damaged:
            body = body[:-1] + bytes([body[-1] ^ 1])
        self.send_response(200 if found else 404)
        body = body + bytes(self.server.longer) if found else b"404: Not Found"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # the client may have read enough
            self.wfile.write(body)


def pin(name: str, files: dict[str, bytes], table: Path, monkeypatch) -> None:
    """Let these be the files of a set."""
    table.write_text(write_pins(pinned(name, files)), encoding="utf-8")
    monkeypatch.setattr(repositories, "table_path", lambda _: table)


def serve(name: str, files: dict[str, bytes], table: Path, monkeypatch) -> Server:
    """Start a server for the files of a set, and let these be the set's files and address; the caller shuts it down."""
    server = Server(name, files)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    pin(name, files, table, monkeypatch)
    monkeypatch.setattr(repositories, "HOST", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.setattr(gather.download, "WAIT", 0.0)
    return server
