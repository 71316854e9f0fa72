"""Hooks of mkdocs: add the pages that are generated from the program, and let the reference read its source."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

TOOLS = Path(__file__).resolve().parent
ROOT = TOOLS.parents[1]
API = ROOT / "build" / "api"  # the four folders under their installed names, and nothing else
FACES = ("shifts", "benchmark", "baselines", "leaderboard")


def _link_faces() -> None:
    folder = API / "medshift"
    folder.mkdir(parents=True, exist_ok=True)
    for face in FACES:
        link = folder / face
        if not link.is_symlink():
            link.symlink_to(ROOT / face)


_link_faces()
sys.path.insert(0, str(API))
import generated  # noqa: E402 - stands beside this file


@event_priority(100)  # before mkdocstrings takes its paths from sys.path
def on_config(config: Any) -> Any:  # noqa: ANN401 - mkdocs has no types for its options
    """Put the pages of commands into the navigation; read nothing else as `medshift`."""
    # least of all the whole repository, under the name that mypy needs
    sys.path[:] = [place for place in sys.path if (Path(place) / "medshift").resolve() != ROOT]
    (reference,) = (section["Reference"] for section in config.nav if "Reference" in section)
    (commands,) = (entry for entry in reference if "Commands" in entry)
    commands["Commands"] = [{f"medshift {name}": uri} for name, uri in generated.command_pages().items()]
    return config


def on_files(files: Files, config: Any) -> Files:  # noqa: ANN401
    """Add the generated pages."""
    for uri, text in generated.pages().items():
        files.append(File.generated(config, uri, content=text))
    return files
