"""The reference of the command line, from the program's own parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from medshift.benchmark.cli.main import app

GENERAL = "Options"
PLAIN = {"str": "TEXT", "list[str]": "TEXT", "int": "INT", "int range": "INT", "float": "NUMBER", "path": "PATH"}


def pages() -> dict[str, str]:
    """Write one page per command of `medshift`: name -> Markdown."""
    root: Any = typer.main.get_command(app)
    return {name: _page(name, command) for name, command in sorted(root.commands.items())}


def _page(name: str, command: Any) -> str:  # noqa: ANN401 - Typer's classes differ between its versions
    parts = [f"# medshift {name}\n"]
    for path, each in _tree(f"medshift {name}", command):
        if path != f"medshift {name}":
            parts.append(f"## {path}\n")
        parts += [_plain(each.help), _usage(path, each), *_options(each)]
    return "\n".join(parts)


def _tree(path: str, command: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from _tree(f"{path} {name}", child)


def _plain(text: str | None) -> str:
    return re.sub(r"\n[ \t]+", "\n", (text or "").strip()).replace("<", "&lt;") + "\n"


def _usage(path: str, command: Any) -> str:  # noqa: ANN401
    words = [path]
    if hasattr(command, "commands"):
        return f"```text\n{path} {'|'.join(command.commands)} ...\n```\n"
    if any(p.param_type_name == "option" for p in command.params):
        words.append("[OPTIONS]")
    for argument in (p for p in command.params if p.param_type_name == "argument"):
        name = argument.metavar or argument.name.upper()
        words.append(name if argument.required or "[" in name else f"[{name}]")
    return f"```text\n{' '.join(words)}\n```\n"


def _options(command: Any) -> list[str]:  # noqa: ANN401
    panels: dict[str, list[str]] = {}
    for parameter in command.params:
        if getattr(parameter, "hidden", False):
            continue
        argument = parameter.param_type_name == "argument"
        panel = "Arguments" if argument else getattr(parameter, "rich_help_panel", None) or GENERAL
        panels.setdefault(panel, []).append(_row(parameter, argument))
    head = "| {} | |\n|---|---|"
    return [f"{head.format(panel)}\n" + "\n".join(rows) + "\n" for panel, rows in panels.items()]


def _row(parameter: Any, argument: bool) -> str:  # noqa: ANN401
    if argument:
        name = f"`{parameter.metavar or parameter.name.upper()}`"
    else:
        name = ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
    takes = "" if argument else _takes(parameter)
    told = _cell(parameter.help or "")
    default = _default(parameter)
    if default:
        told += f" Default: `{_cell(default)}`."
    if parameter.required and not argument:
        told += " Required."
    return f"| {name}{f'<br>{takes}' if takes else ''} | {told.strip()} |"  # in two columns, for narrow screens


def _takes(parameter: Any) -> str:  # noqa: ANN401
    if getattr(parameter, "is_flag", False):
        return ""
    if parameter.metavar:
        return _cell(parameter.metavar)
    if hasattr(parameter, "display_type"):  # since Typer has its own parser
        kind = parameter.display_type(None)
    else:
        kind = "|".join(getattr(parameter.type, "choices", ())) or parameter.type.name
    return _cell(PLAIN.get(kind.strip("<>"), kind.strip("<>").strip("|").replace("|", " | ")))  # lines may break there


def _default(parameter: Any) -> str:  # noqa: ANN401
    value = parameter.default
    hidden = not getattr(parameter, "show_default", True) or value in (None, "", [], ()) or callable(value)
    if hidden or isinstance(value, bool):
        return parameter.opts[0] if value is True and parameter.secondary_opts else ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
