"""The pages of the site that no file holds: made from the program, so that they cannot be out of date."""

from __future__ import annotations

from pathlib import Path

import catalogue_pages
import commands

ROOT = Path(__file__).resolve().parents[2]
FACES = {
    "shifts": "Acquisition shifts: functions on batches of images, with severities in physical units.",
    "benchmark": "The harness: data sets, protocols, the contract of a baseline, runs, submissions and scores.",
    "baselines": "What methods share: recipe, training loop, source model.",
    "leaderboard": "From submissions to ranks and a page.",
}


def pages() -> dict[str, str]:
    """Make every generated page: path below docs/ -> Markdown."""
    made = {f"reference/commands/{name}.md": text for name, text in commands.pages().items()}
    made |= {f"reference/api/{face}.md": _api(face, summary) for face, summary in FACES.items()}
    made["reference/each-shift.md"] = catalogue_pages.shifts()
    made["reference/each-baseline.md"] = catalogue_pages.baselines()
    made["get-started/examples.md"] = _examples(ROOT / "examples")
    return made


def command_pages() -> dict[str, str]:
    """List the pages of commands: name of the command -> path below docs/."""
    return {name: f"reference/commands/{name}.md" for name in commands.pages()}


def _api(face: str, summary: str) -> str:
    example = "\n".join(catalogue_pages.example(face))
    names = "\n".join(f"::: medshift.{face}.{name}" for name in catalogue_pages.public_names(face))
    return (
        f"# medshift.{face}\n\n{summary} Import these names from `medshift.{face}`; nothing else is public.\n\n"
        f"```pycon\n{example}\n```\n\n{names}\n"
    )


def _examples(folder: Path) -> str:
    text = (folder / "README.md").read_text(encoding="utf-8")
    for script in sorted(folder.glob("*.py")):
        text = text.replace(f"]({script.name})", f"](#{script.stem})")
        text += f"\n## {script.stem}\n\n```python\n{script.read_text(encoding='utf-8').rstrip()}\n```\n"
    return text
