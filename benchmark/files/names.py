"""Names that become folders."""

from __future__ import annotations

import hashlib


def folder_name(name: str) -> str:
    """Returns a name fit for a folder; one that had to be changed carries a hash of what it was."""
    clean = "".join(c if c.isascii() and (c.isalnum() or c in "._+@-") else "-" for c in name).lstrip("._+@-")[:100]
    return clean if clean == name else f"{clean or 'data'}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
