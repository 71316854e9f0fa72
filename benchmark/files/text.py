"""Text from outside: held to printable characters when it is read, and escaped for the place where it is shown.

What is read from a card, a protocol, a truth, a DICOM header or a table may hold anything: controls that steer a
terminal, marks that turn the direction of a line or take no space, letters that look like others. `fault` says what is
wrong with a text, in words; `visible` makes any text harmless by writing such characters as their codes.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable

LONGEST_NAME = 200  # characters of a name: of a class, a domain, a shift
LONGEST_LINE = 400
LONGEST_ID = 1000  # of an image or a group: many are paths
STACKED = 4  # marks on one letter: Vietnamese and Hebrew have three
# categories of characters that are not to be seen, or of which nobody knows what they are
UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
BLANK = "\u3164\uffa0\u115f\u1160\u2800\u17b4\u17b5\u034f"  # letters and marks that show nothing
JOINERS = "\u200c\u200d"  # which Persian and Indian scripts write with
ESCAPED = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Cyrillic and Greek letters that look like Latin ones; words that mix them with Latin are made to be taken for others
LOOK_ALIKES = dict(
    zip(
        "АВЕЅІЈКМНОРСТХУҮаеіјорсѕухԁһԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧονаϲІӀ",
        "ABESIJKMHOPCTXYYaeijopcsyxdhqwABEZHIKMNOPTYXovacIl",
        strict=True,
    )
)
WORD = re.compile(r"[^\W\d_]{2,}")
COMMANDS = re.compile(r"^(\s*)(::|##\[)|(##\[)", re.MULTILINE)  # of GitHub's and Azure's logs
FORMULA = re.compile(r"^\s*[=+\-@\t\r|%]")
NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*%?\s*")
DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$|clock\$)(\..*)?", re.IGNORECASE)


def fault(text: str, most: int = LONGEST_LINE) -> str:
    """Say what is wrong with a text from outside, as the end of a sentence; empty if nothing is.

    Letters of all scripts are right, and so are spaces, signs and a few marks on a letter. Wrong are characters that
    are not seen or steer what is: controls, line breaks, direction marks, zero widths; and words in which letters of
    another script stand for Latin ones.

    Args:
        text: The text.
        most: Its most characters.
    """
    if len(text) > most:
        return f"has {len(text):,} characters, at most {most:,} are read"
    if text.isascii() and text.isprintable():
        return ""
    for at, char in enumerate(text):
        if unseen(char, text[at - 1 : at]):
            return f"holds {code(char)} ({unicodedata.name(char, 'a control')}): only printable characters are read"
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks > STACKED:
            return f"holds more than {STACKED} marks on one letter"
    for word in WORD.findall(text):
        mixed = next((char for char in word if char in LOOK_ALIKES), "")
        if mixed and any("a" <= char.lower() <= "z" for char in word):
            name = unicodedata.name(mixed, "")
            return f"holds {code(mixed)} ({name}) within a Latin word, as if it were {LOOK_ALIKES[mixed]!r}"
    return ""


def first_fault(texts: Iterable[str], most: int = LONGEST_ID) -> str:
    """Say what is wrong with the first of many texts that has a fault; fast where all are plain."""
    held = list(texts)
    if max(map(len, held), default=0) <= most and all(map(str.isascii, held)) and all(map(str.isprintable, held)):
        return ""
    return next((f"{visible(text, 80)!r} {why}" for text in held if (why := fault(text, most))), "")


def unseen(char: str, before: str = "") -> bool:
    """Tell whether a character is not to be seen: a control, a mark without width, a blank other than the space.

    Args:
        char: The character.
        before: The one before it: a joiner between letters of a script that needs it is right.
    """
    if char in JOINERS:
        return not ("\u0600" <= before <= "\u0dff")
    category = unicodedata.category(char)
    blank = char in BLANK or "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef"
    return category in UNSEEN or blank or (category == "Zs" and char not in " \u00a0\u202f\u3000")


def code(char: str) -> str:
    """Write a character as its code: `U+200B`."""
    return f"U+{ord(char):04X}"


def visible(text: str, most: int = LONGEST_LINE) -> str:
    r"""Write any text in one line: what is not to be seen as `\x1b` or `\u202e`, and what is too long is cut."""
    kept = text if len(text) <= most else f"{text[: most - 3]}..."
    if kept.isascii() and kept.isprintable():
        return kept
    made = (
        char.encode("unicode_escape", "surrogatepass").decode("ascii") if unseen(char, kept[at - 1 : at]) else char
        for at, char in enumerate(kept)
    )
    return "".join(made)


def for_terminal(text: str) -> str:
    """Make text of several lines fit for a terminal, and in a job's log fit for what reads commands from logs."""
    lines = [visible(line, max(len(line), 3)) for line in text.split("\n")]
    joined = "\n".join(line for line in lines)
    return COMMANDS.sub(_no_command, joined) if os.environ.get("CI") else joined


def _no_command(found: re.Match[str]) -> str:
    return f"{found[1] or ''}\\{found[2] or found[3]}"


def csv_cell(text: str) -> str:
    """Put an apostrophe before a cell that a spreadsheet would run; numbers stay as they are."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text


def csv_cells(values: Iterable[object]) -> list[object]:
    """Return the cells of a row of CSV, texts as `csv_cell` writes them."""
    return [csv_cell(value) if isinstance(value, str) else value for value in values]


def skeleton(name: str, *, fold: bool = True) -> str:
    """Return what a name looks like: names of one look are taken for each other by people or by file systems.

    Args:
        name: The name.
        fold: Whether upper and lower case look alike, as they do to some file systems.
    """
    plain = unicodedata.normalize("NFKC", name)
    shown = "".join(LOOK_ALIKES.get(char, char) for char in plain if not unseen(char))
    shown = unicodedata.normalize("NFKC", shown).strip().rstrip(".")
    return shown.casefold() if fold else shown


def twins(names: Iterable[str], *, fold: bool = True) -> tuple[str, str] | None:
    """Return the first two names that look alike though they differ; None if there are none."""
    seen: dict[str, str] = {}
    for name in names:
        first = seen.setdefault(skeleton(name, fold=fold), name)
        if first != name:
            return first, name
    return None


def unportable(name: str) -> str:
    """Say why some file system cannot hold a name, as the end of a sentence; empty if all can."""
    if DEVICES.fullmatch(name.strip(" .")):
        return "is the name of a device on Windows"
    if name != name.rstrip(". "):
        return "ends in a dot or a space, which Windows drops"
    if re.search(r'[<>:"/\\|?*\x00-\x1f]', name):
        return "holds a character that some file systems do not take"
    if len(name.encode("utf-8", "surrogatepass")) > 255:
        return "is longer than 255 bytes"
    return "" if unicodedata.is_normalized("NFC", name) else "is not in the usual form of Unicode (NFC)"
