"""Rows of a tree of folders: domain/class/image, or class/image."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError, near
from ....files.text import LONGEST_NAME, fault, visible
from ... import split_names
from ..formats.dicom.header import TAGS
from ..formats.pointers import missing
from ..formats.sniff import by_content, by_name, sniff
from ..labels.choose import choose_labels
from ..notes import GraveNote
from ..options import Options
from ..problems import Problems
from .paths import ContainedPaths

PATIENT = re.compile(
    r"(p|pt|pat|patient|sub|subj|subject|person|case|study|mrn|id)[\s_-]*\d+|\d{2,}"
    r"|(?=.*[a-z])([a-z0-9]+[\s_-]+)*[a-z]*\d{2,}",  # A01, TCGA-AB-0002
    re.IGNORECASE,
)
MANY, FEW = 10, 20  # folders that are rather patients than classes, and images of one patient
NOT_IMAGES = ("dicomdir", "thumbs.db", "desktop.ini")


def from_folders(root: Path, options: Options, problems: Problems, notes: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """List all images below a folder, sorted by path.

    The domain is the upper of two folders, or the folder itself if there is one level only. If it comes from a DICOM
    tag, the label is the name of the uppermost folder, unless that comes from a tag, too.

    Args:
        root: The folder.
        options: Say where domain and label come from.
        problems: Collects files at an unexpected depth.
        notes: Get what is left out.

    Returns:
        Rows with columns file, line, label, domain and group, and the paths that are not images.

    Raises:
        MedshiftError: The folder holds no image, or an option names what is not there.
    """
    found, others = list_images(root, options.follow_links, problems)
    if not found:
        problems.stop()
        raise MedshiftError(f"{root} holds no image and no manifest.csv")
    depths = pd.Series([len(Path(name).parts) - 1 for name in found])
    by_tag = bool(options.domain_from) and options.domain_from != "folder"
    if by_tag and options.domain_from not in TAGS:
        raise MedshiftError(
            f"without a manifest, --domain-from takes `folder` or a DICOM tag, not {options.domain_from!r}."
            f"{near(options.domain_from, [*TAGS, 'folder'])}"
        )
    # the first file that can be read decides; files of another kind are reported later
    dicom = next((kind for name in found if (kind := sniff(root / name)[0])), "") == "DICOM"
    if options.label_column and not dicom:
        raise MedshiftError("--label-column needs a manifest or DICOM; for other files, folders name the classes")
    unsaid = dicom and not options.domain_from  # later, the candidates are listed
    level = 0 if by_tag or unsaid or depths.mode()[0] < 2 else 1  # of the folder that names the class
    least = 0 if options.label_column and dicom else level + 1
    rows = []
    for name in found:
        parts = Path(name).parts[:-1]
        if len(parts) < least or (level == 0 and not (by_tag or unsaid) and len(parts) > 1):
            problems.add(
                f"{name}: at depth {len(parts)}, most others at {depths.mode()[0]}: expected domain/class/image",
                kind=f"depth {len(parts)}",
            )
            continue
        label = parts[level] if len(parts) > level else ""
        domain = "" if by_tag or unsaid else (parts[0] if level else root.resolve().name)
        upper = {"folder": parts[0]} if dicom and unsaid and len(parts) > 1 else {}
        rows.append({"file": name, "line": 0, "label": label, "domain": domain, "group": "", **upper})
    table = pd.DataFrame(rows, columns=None if rows else ["file", "line", "label", "domain", "group"]).fillna("")
    for name in ("label", "domain"):
        for value in sorted(set(table[name])):
            if value != value.strip():
                problems.add(f"folder {value!r} has spaces around its name")
            if why := fault(value, LONGEST_NAME):
                problems.add(f"folder {visible(value, 80)!r} {why}")
    domains = sorted(set(table["domain"])) if level else []
    if not options.label_column:
        deeper = int(depths.mode()[0]) > level + 1
        _refuse_splits(root, domains, sorted(set(table["label"]) - {""}), deeper=deeper)
        table = choose_labels(table, "folder", options, problems, notes)
        notes += _patients_as_classes(domains, table)
        notes += _sites_as_classes(found) if by_tag else []
    else:
        _refuse_splits(root, domains, [])
    if len(domains) > 1 and table["label"].nunique() > 2 and (table.groupby("label")["domain"].nunique() == 1).all():
        raise MedshiftError(
            f"the folders {', '.join(domains)[:200]} of {root} share no folder that names a class "
            f"({table['label'].iloc[0]!r} is in {table['domain'].iloc[0]!r} only): are they classes, with patients in "
            "them? Expected domain/class/image; for others, write a manifest with image, label, domain, split_group"
        )
    return table.reset_index(drop=True), others


def _refuse_splits(root: Path, domains: Sequence[str], labels: Sequence[str], *, deeper: bool = False) -> None:
    """Refuse folders of splits that would become sites or classes.

    Args:
        root: The folder.
        domains: Names of the upper folders, if they become sites.
        labels: Names of the folders that become classes; empty if classes come from elsewhere.
        deeper: Whether most images lie in folders below these.

    Raises:
        MedshiftError: All are words for splits.
    """
    if domains and all(map(split_names.is_split, domains)):
        raise MedshiftError(
            f"the folders {', '.join(domains)} of {root} are splits, not sites: write a manifest with columns image, "
            "label, domain, split_group and split, or add one of the folders if all images are of one site"
        )
    if labels and all(map(split_names.is_split, labels)):
        upper = f" below {', '.join(domains)[:200]}" if domains else ""
        if deeper:
            told = f"{'domain/' if domains else ''}split/class/image is not read"
        else:
            told = "domain/class/image is expected, not class/split/image" if domains else "split/image names no class"
        raise MedshiftError(
            f"the folders {', '.join(labels)}{upper} of {root} are splits, not classes ({told}): write a manifest with "
            "columns image, label, domain, split_group and split"
        )


def _patients_as_classes(domains: Sequence[str], table: pd.DataFrame) -> list[str]:
    """Tell where class/patient/image seems to be read as domain/class/image, gravely if folders are many and small."""
    labels = sorted(set(table["label"]))
    if len(domains) < 2 or len(labels) < 2 or not all(map(PATIENT.fullmatch, labels)):
        return []
    if all(map(str.isdecimal, labels)) and min(map(len, labels)) < 3 and not any(name[0] == "0" for name in labels):
        return []  # ages or magnifications, as 10, 20, 40
    many, few = len(labels) >= MANY, table.groupby(["domain", "label"]).size().median() <= FEW
    told = (
        f"folders such as {labels[0]!r} and {labels[1]!r} are read as classes and {domains[0]!r} as a site: if "
        "they are patients, and the upper folders classes, write a manifest with image, label, domain, split_group"
    )
    return [GraveNote(told) if many and few else told] if many or few else []


def _sites_as_classes(found: Sequence[str]) -> list[str]:
    """Tell where the uppermost folders are read as classes and hold the same folders, which may be the classes."""
    below: dict[str, set[str]] = {}
    for name in found:
        upper, *inner = Path(name).parts[:-1] or ("",)
        below.setdefault(upper, set()).update(inner[:1])
    same = next(iter(below.values()))
    if len(below) < 2 or len(same) < 2 or any(inner != same for inner in below.values()):
        return []
    told = f"the folders {', '.join(sorted(below))} are read as classes, and each holds {', '.join(sorted(same))}"
    return [GraveNote(f"{told[:400]}: if those are the classes, --domain-from folder, or write a manifest")]


def list_images(root: Path, follow: bool, problems: Problems) -> tuple[list[str], list[str]]:
    """Return the images and the other files below a folder, as sorted relative paths; hidden ones are skipped."""
    inside = ContainedPaths(root, follow)
    found, others, refused = [], [], []
    seen: set[str] = set()  # linked folders, by what they lead to

    def closed(error: OSError) -> None:
        problems.add(f"{error.filename}: cannot be read ({error.strerror})")

    for folder, below, files in os.walk(root, onerror=closed, followlinks=follow):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in list(below):
            path = Path(folder) / name
            if path.is_symlink() and not (follow and _enter(path, inside, seen)):
                below.remove(name)
                if not follow:  # it could lead anywhere, even in circles
                    problems.add(
                        f"{path.relative_to(root).as_posix()} is a link to a folder: bring in the folder itself, or "
                        "read it with --follow-links",
                        kind="link to a folder",
                    )
        for name in sorted(files):
            path = Path(folder) / name
            relative = path.relative_to(root).as_posix()
            if name.startswith(".") or name.lower() in NOT_IMAGES:
                continue
            if not relative.isprintable() and any("\udc80" <= char <= "\udcff" for char in relative):
                problems.add(f"{visible(relative, 200)}: its name is not in UTF-8: rename it", kind="not in UTF-8")
                continue
            if inside.real(relative) is None:
                gone = by_name(name) and not path.exists()
                problems.add(f"{relative}: {missing(path) if gone else inside.refusal(relative)}")
                refused.append(relative)
            elif by_name(name) or (path.is_file() and _may_be_image(path)):
                found.append(relative)
            else:
                others.append(relative)
    problems.about([*found, *refused])
    return sorted(found), sorted(others)


def _enter(link: Path, inside: ContainedPaths, seen: set[str]) -> bool:
    """Tell whether a linked folder is read here: one in the tree is read in its own place, any other once."""
    real = os.path.realpath(link)
    if inside.holds(real) or any(real == other or real.startswith(other + os.sep) for other in seen):
        return False
    seen.add(real)
    return True


def _may_be_image(path: Path) -> bool:
    """Tell whether a file without a known extension is an image by its content, or cannot be read."""
    try:
        return bool(by_content(path))
    except OSError:
        return True  # reported later, with the error
