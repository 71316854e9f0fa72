"""Diagrams of the documentation as SVG: boxes of images, and who may look at which."""

from __future__ import annotations

from html import escape

INK, SOURCE, TARGET, NONE = "#1c2730", "#cfe3f4", "#fbe0cc", "#eef0f2"
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
    'role="img" font-family="system-ui, Helvetica, Arial, sans-serif" font-size="13" fill="{ink}">\n'
)


def _box(x: float, y: float, width: float, text: str, fill: str, note: str = "", height: float = 34) -> str:
    middle = x + width / 2
    line = y + height / 2 + (5 if not note else -2)
    parts = [
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="5" fill="{fill}" stroke="{INK}"/>',
        f'<text x="{middle}" y="{line}" text-anchor="middle">{escape(text)}</text>',
    ]
    if note:
        parts.append(f'<text x="{middle}" y="{line + 14}" text-anchor="middle" font-size="10.5">{escape(note)}</text>')
    return "\n".join(parts)


def _text(x: float, y: float, text: str, weight: str = "normal", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: int, height: int, parts: list[str]) -> str:
    return HEAD.format(width=width, height=height, ink=INK) + "\n".join(parts) + "\n</svg>\n"


def sees() -> str:
    """Tabulate what each access level may look at."""
    columns = ("source train", "source val", "target adapt", "test stream")
    rows = (
        ("source", ("images, labels", "images, labels", "", "")),
        ("target-unlabelled", ("images, labels", "images, labels", "images", "")),
        ("test-batches", ("images, labels", "images, labels", "", "by batch")),
    )
    parts = [_text(8, 24, "sees", "bold")]
    parts += [_text(200 + 122 * number, 24, name, "bold", "middle") for number, name in enumerate(columns)]
    for place, (name, cells) in enumerate(rows):
        y = 40 + 46 * place
        parts.append(_text(8, y + 22, name))
        for number, cell in enumerate(cells):
            fill = NONE if not cell else SOURCE if number < 2 else TARGET
            parts.append(_box(142 + 122 * number, y, 116, cell or "–", fill))
    return _svg(636, 184, parts)


def protocol() -> str:
    """Show the splits of source and targets, and the conditions that come of them."""
    parts = [
        _text(8, 34, "source", "bold"),
        _box(90, 12, 230, "train", SOURCE, "with labels"),
        _box(326, 12, 110, "val", SOURCE, "for choices"),
        _box(442, 12, 130, "test", SOURCE, "labels never seen"),
        _text(8, 134, "target", "bold"),
        _box(90, 112, 346, "adapt", TARGET, "without labels, for methods that may see it"),
        _box(442, 112, 130, "test", TARGET, "labels never seen"),
        f'<path d="M572 29 H600 M586 29 V73 H600 M572 129 H600" fill="none" stroke="{INK}"/>',
        _text(606, 34, "clean"),
        _text(606, 77, "synthesized: shifts"),
        _text(606, 134, "real"),
        _text(90, 176, "No patient is in two boxes of a row, or in training and in a test."),
    ]
    return _svg(740, 190, parts)


DIAGRAMS = {"protocol": protocol(), "sees": sees()}
