"""Where the pages of a site lead to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ....shifts.errors import MedshiftError

RELATIVE = re.compile(r"[^:?#\\]+/")
WEB = re.compile(r"https?://[^?#\\\s]+/")


@dataclass(frozen=True)
class Links:
    """What the pages link to, besides each other.

    Args:
        gallery: File of the gallery of shifts beside them; empty for none.
        across: File of the page over boards beside them; empty for none.
        docs: Address of medshift's documentation, as `make docs` builds it, with a slash at its end; empty for none.
    """

    gallery: str = ""
    across: str = ""
    docs: str = ""


NO_LINKS = Links()


def require_docs(address: str) -> str:
    """Return the address of a documentation, with a slash at its end.

    Raises:
        MedshiftError: It is neither a folder beside the pages nor an address of the web.
    """
    found = address if not address or address.endswith("/") else f"{address}/"
    if found and not (RELATIVE.fullmatch(found) or WEB.fullmatch(found)):
        raise MedshiftError(f"--docs {address!r}: give a folder beside the pages (docs/) or an address (https://...)")
    return found
