"""Files that are not here yet: links to nowhere, and small texts of version control in the place of images."""

from __future__ import annotations

from pathlib import Path

LFS = b"version https://git-lfs.github.com/spec/"
ANNEX = ".git/annex/objects"  # in the target of a link, and in the text that stands for it where links are not allowed
MOST = 1024  # bytes of a pointer


def missing(path: Path) -> str:
    """Describe a path at which there is no file, with the command that fetches it where that is known."""
    try:
        to = path.readlink().as_posix()
    except OSError:
        dvc = path.with_name(path.name + ".dvc").exists()
        return "no such file" + (", only a DVC pointer beside it (dvc pull)" if dvc else "")
    if ANNEX in to:
        return "no such file: its content is not fetched (git annex get)"
    return "no such file: a link to what is not there (fetch it, or copy its target)"


def pointer(path: Path) -> str:
    """Describe a text that stands for a file that was not fetched; empty if it is none.

    Raises:
        OSError: It cannot be read.
    """
    if path.stat().st_size > MOST:
        return ""
    text = path.read_bytes()
    if text.startswith(LFS):
        return "a Git LFS pointer, not the file itself (git lfs pull)"
    if text.startswith(b"/annex/objects/") or text.lstrip(b"./").startswith(b"git/annex/objects"):
        return "a git-annex pointer, not the file itself (git annex get)"
    return ""
