"""Self-contained HTML pages: templates that escape all text, and hashes for their content security policy."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")
BASE = TEMPLATES / "base.css"


def template_environment(*templates: Path) -> Environment:
    """Return the Jinja environment of a page: it escapes in every template and raises on undefined names.

    Args:
        templates: The folders that hold the page's templates; the first one that has a name gives it. `head.html`, with
            which every page begins, is here.
    """
    return Environment(
        loader=FileSystemLoader([*templates, TEMPLATES], encoding="utf-8"),
        autoescape=True,  # whatever a template's suffix
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def page_style(*sheets: Path) -> str:
    """Return the style of a page: colours, text and tables as all pages have them, then the page's own sheets."""
    return "".join(sheet.read_text(encoding="utf-8") for sheet in (BASE, *sheets))


def inlined(style: str, script: str = "") -> dict[str, str]:
    """Return what `head.html` needs of a page that holds its own style and, if it has one, its own script."""
    found = {"style": style, "script": script} if script else {"style": style}
    hashes = {f"{name}_hash": policy_hash(text) for name, text in found.items()}
    return {**{name: Markup(text) for name, text in found.items()}, **hashes}


def policy_hash(text: str) -> str:
    """Return the `sha256-...` source by which a content security policy allows an inline style or script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
