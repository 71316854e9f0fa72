"""One section per shift and per baseline, from the registries and the docstrings, which are read without importing."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from medshift.baselines.catalogue import BUILTINS as BASELINES
from medshift.benchmark.contract.sees import MEANS
from medshift.shifts import catalogue
from medshift.shifts.families.sources import SOURCES

ROOT = Path(__file__).resolve().parents[2]


def public_names(face: str) -> list[str]:
    """List what a public face exports, as its stub says."""
    tree = ast.parse((ROOT / face / "__init__.pyi").read_text(encoding="utf-8"))
    (names,) = (ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign))
    return [name for name in names if name != "__version__"]


def example(face: str) -> list[str]:
    """Return the example in the docstring of a public face, line by line."""
    text = ast.get_docstring(ast.parse((ROOT / face / "__init__.py").read_text(encoding="utf-8"))) or ""
    block = text[text.index(">>>") :]
    return block.partition("\n\n")[0].splitlines()


def shifts() -> str:
    """Write what each shift does to an image, and what its severity means."""
    parts = ["# Each shift\n", "What each built-in shift does, by family. [All in one table](shifts.md)."]
    for family in catalogue.FAMILIES:
        parts.append(f"\n## {family.capitalize()}")
        for name, entry in catalogue.BUILTINS.items():
            if entry.family != family:
                continue
            values = _constant(entry.target)
            parts += [
                f"\n### {name}\n",
                _text(_docstring(entry.target)),
                f"\n- **Severities 1 to 5:** {', '.join(f'{value:g}' for value in values)} ({entry.unit})",
                f"- **Modalities:** {', '.join(entry.modalities)}",
                f"- **Source:** {SOURCES[name]}",
            ]
    return "\n".join(parts) + "\n"


def baselines() -> str:
    """Write what each baseline does, what it was taken from, and what its own hyper-parameters mean."""
    parts = [
        "# Each baseline\n",
        "What each built-in baseline does, by what it sees. [All in one table](baselines.md).",
    ]
    for sees, means in MEANS.items():
        parts.append(f"\n## Sees {sees}\n\n{means[0].upper()}{means[1:]}.")
        for name, entry in sorted(BASELINES.items()):
            if entry.sees == sees:
                parts += [f"\n### {name}\n", _text(_docstring(entry.target)), f"\n**Paper:** {entry.paper}"]
    return "\n".join(parts) + "\n"


@cache
def _module(name: str) -> ast.Module:
    path = ROOT.joinpath(*name.split(".")[1:]).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def _docstring(target: str) -> str:
    module, _, wanted = target.partition(":")
    (node,) = (
        each
        for each in _module(module).body
        if isinstance(each, ast.ClassDef | ast.FunctionDef) and each.name == wanted
    )
    return ast.get_docstring(node) or ""


def _constant(target: str) -> tuple[float, ...]:
    """Return the five severities: the tuple beside the function, named after it in capitals."""
    module, _, function = target.partition(":")
    (value,) = (
        each.value
        for each in _module(module).body
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == function.upper()
    )
    return tuple(ast.literal_eval(value))


def _text(docstring: str) -> str:
    """Turn the sections of a Google-style docstring into Markdown."""
    text, _, arguments = docstring.partition("\nArgs:\n")
    described = re.findall(r"^    (\w+)(?: \(.*?\))?: (.+(?:\n     +.+)*)", arguments, flags=re.MULTILINE)
    rows = [f"- `{name}`: {' '.join(told.split())}" for name, told in described]
    text = text.replace("**", r"\*\*").replace("<", "&lt;")
    return text.strip() + ("\n\n" + "\n".join(rows) if rows else "")
