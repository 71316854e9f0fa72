"""What a user should know of a protocol before training on it, one line each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

import pandas as pd

from ..datasets import registry, split_names
from ..datasets.dataset import Dataset
from ..datasets.shared_groups import WAY_ON, counted
from ..files.wording import plural
from .protocol import Protocol
from .training_sets.confounding import CLOSE, cramers_v

FEW_GROUPS = 5  # in a test split; with fewer, a figure says little
FEW_TO_VALIDATE = 3  # with fewer groups, one of them chooses checkpoints and thresholds
LARGE_GROUP = 0.2  # of the images of a test split; from there on, intervals are too narrow
NAMED = 8  # domains that a line names
NEGATIVE = frozenset(
    [
        "normal",
        "healthy",
        "benign",
        "negative",
        "neg",
        "control",
        "controls",
        "none",
        "uninfected",
        "hc",
        "cn",
        "nc",
        "0",
    ]
)
NEGATED = ("no ", "no-", "no_", "non-", "non_", "non ", "not ", "not-", "not_")


def remarks(protocol: Protocol, table: pd.DataFrame, dataset: Dataset) -> list[str]:
    """List what was set aside or understood, and which sites say little.

    Args:
        protocol: The protocol.
        table: Its truth with a column `row`.
        dataset: Its data.
    """
    return [
        *_set_aside(protocol, table),
        *_understood(protocol, table, dataset),
        *mix_remarks(protocol, table),
        *site_remarks(protocol, table),
    ]


def mix_remarks(protocol: Protocol, table: pd.DataFrame) -> list[str]:
    """Say that validation is not of the mix that was asked for; training that is not is refused."""
    if protocol.confounded is None:
        return []
    strength = protocol.confounded.cramers_v
    reached = cramers_v(table, protocol.source, protocol.mixed, "val")
    if abs(reached - strength) <= CLOSE:
        return []
    images = plural(int((table["split"] == "val").sum()), "image")
    return [
        f"source validation is of {images}, in which {protocol.mixed} goes with the label at Cramer's V {reached:.2f}, "
        f"not {strength:g}: what is chosen on it (checkpoints, thresholds) is chosen for that mix"
    ]


def positive_hint(protocol: Protocol) -> str:
    """Write that the second class, which counts as positive, is called like a negative one; empty if it is not."""
    first, second = (protocol.dataset.classes * 2)[:2]
    if not protocol.positive or _negative(first) or not (_negative(second) or _negation(second, first)):
        return ""
    return f"sensitivity is that of `{second}`, the second class: --positive {shlex.quote(first)} for the other"


def site_remarks(protocol: Protocol, table: pd.DataFrame) -> list[str]:
    """List what validation, the source's test and sites lack, sites with few groups and splits with a large one."""
    names = protocol.dataset.classes
    held = set(table["label"])
    nowhere = {label for label in range(len(names)) if label not in held}  # said once, not of every site
    lines = []
    if nowhere:
        kept = [name for label, name in enumerate(names) if label in held]
        how = registry.leave_out(protocol.dataset.name, protocol.dataset.version, kept)
        lines.append(
            f"no image of the source or the targets is of {_classes(names, nowhere)}, so nothing learns or tests it: "
            f"{how}"
        )
    for split, what in (("val", "validation images"), ("test", "test images")):
        domains = (protocol.source, protocol.mixed) if split == "val" else (protocol.source,)
        lacking = [label for label in _lacking(table, domains, split, len(names)) if label not in nowhere]
        if lacking:
            lines.append(f"the {what} of the source {protocol.source} lack {_classes(names, lacking)}")
    one_class: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for site in protocol.targets:
        lacking = _lacking(table, (site,), "test", len(names))
        if len(lacking) == len(names) - 1:
            one_class.setdefault(_classes(names, set(range(len(names))) - set(lacking)), []).append(site)
        elif set(lacking) - nowhere:
            others.setdefault(_classes(names, set(lacking) - nowhere), []).append(site)
    for only, sites in one_class.items():
        lines.append(
            f"{_named(sites)}: all test images are {only}, so balanced accuracy and AUROC are undefined there and left "
            "out of the means"
        )
    if others:
        listed = "; ".join(f"{_named(sites)} lack{'s'[: len(sites) == 1]} {what}" for what, sites in others.items())
        lines.append(f"sites hold different classes: {listed}. Their figures are means over the classes that they hold")
    return lines + _few_groups(protocol, table) + _large_groups(protocol, table)


def _few_groups(protocol: Protocol, table: pd.DataFrame) -> list[str]:
    """Write which test splits, and which source validation, hold few groups or a single one."""
    source, lines = protocol.source, []
    groups = table[table["split"] == "test"].groupby("domain")["group"].nunique().to_dict()
    names = {source: f"the source {source}"} | {site: site for site in protocol.targets}
    few = [
        f"{text} ({plural(int(groups[site]), 'group')})"
        for site, text in names.items()
        if groups.get(site, FEW_GROUPS) < FEW_GROUPS
    ]
    if few:
        lines.append(
            f"few groups to test on: {_named(few)}. Such figures say little, and count like any other in means"
        )
    if groups.get(source) == 1:
        lines.append(f"one group alone shows no spread: the source {source} and drops from it have no interval")
    alone = [site for site in protocol.targets if groups.get(site) == 1]
    if alone:
        lines.append(
            f"one group alone shows no spread: neither {_named(alone)} nor the means over sites have an interval, and "
            "no entry's rank is told from another's"
        )
    mixed = [source, *([protocol.mixed] if protocol.mixed else [])]
    held = table.loc[table["domain"].isin(mixed) & (table["split"] == "val"), "group"].nunique()
    if held < FEW_TO_VALIDATE:
        lines.append(
            f"few groups to validate on: {plural(held, 'group')} of the source {source}. What is chosen on them "
            "(checkpoints, thresholds) is chosen for them"
        )
    return lines


def group_remarks(table: pd.DataFrame) -> list[str]:
    """Say if no group holds more than one image, as where the patients are not known: figures cannot show it."""
    if len(table) < 2 or table["group"].duplicated().any():
        return []
    return [
        "each image is a group of its own: if some are of one patient, that patient may be on both sides of a split, "
        "and intervals, which are over images then, are too narrow"
    ]


def _large_groups(protocol: Protocol, table: pd.DataFrame) -> list[str]:
    """Write in which test splits one group holds much.

    Where groups are few, one always does, which is said already; of the source, on which every drop rests, it is said
    where one group holds most.
    """
    found = []
    for domain in (protocol.source, *protocol.targets):
        held = table.loc[(table["domain"] == domain) & (table["split"] == "test"), "group"].value_counts(normalize=True)
        few = len(held) < FEW_GROUPS
        if len(held) < 2 or (few and domain != protocol.source):
            continue
        if held.iloc[0] > (0.5 if few else LARGE_GROUP):
            found.append(f"{held.index[held == held.iloc[0]].min()} {100 * held.iloc[0]:.0f} % of {domain}")
    if not found:
        return []
    return [
        f"one group holds over {100 * LARGE_GROUP:.0f} % of the test images: {_named(found)}. Intervals are too narrow "
        "there: figures rest on fewer groups than they count"
    ]


def _lacking(table: pd.DataFrame, domains: Sequence[str], split: str, classes: int) -> list[int]:
    labels = table.loc[table["domain"].isin(domains) & (table["split"] == split), "label"]
    return sorted(set(range(classes)) - set(labels))


def _classes(names: Sequence[str], labels: Iterable[int]) -> str:
    return ", ".join(f"`{names[label]}`" for label in sorted(labels))


def _set_aside(protocol: Protocol, table: pd.DataFrame) -> list[str]:
    """Write how many images of the targets are not used because the source has their groups, too."""
    source = set(table.loc[table["domain"] == protocol.source, "group"])
    shared = table[table["group"].isin(source) & (table["split"] == "unused")]
    found = []
    for site in protocol.targets:
        mine = shared[shared["domain"] == site]
        if len(mine):
            found.append((site, mine["group"].nunique(), len(mine), int((table["domain"] == site).sum())))
    if not found:
        return []
    pairs = _named([f"{groups:,} in both {protocol.source} and {site}" for site, groups, _, _ in found])
    images = _named([f"{images:,} of {of:,} images of {site}" for site, _, images, of in found])
    every = shared.loc[shared["domain"].isin(protocol.targets), "group"].nunique()
    if len(found) == 1:
        pairs = f"{counted(every)} in both {protocol.source} and {found[0][0]}"
    else:
        pairs = f"{counted(every)} in {protocol.source} and elsewhere ({pairs})"
    one = len(found) == 1 and found[0][2] == 1
    return [f"{pairs} and count as the same patients: {images} {'is' if one else 'are'} set aside (unused); {WAY_ON}"]


def _understood(protocol: Protocol, table: pd.DataFrame, dataset: Dataset) -> list[str]:
    """Write which values of the data's own column `split` were understood as what."""
    if "split" not in dataset.table:
        return list(filter(None, [split_names.overlooked(dataset.table)]))
    given = dataset.table["split"].astype(str).to_numpy()[table["row"].to_numpy()]
    changed = table.assign(given=given)[given != table["split"].to_numpy()]
    found = []
    for whose, rows in (
        ("of the source", changed[changed["domain"] == protocol.source]),
        ("of targets", changed[changed["domain"].isin(protocol.targets)]),
    ):
        for split, values in rows[rows["split"] != "unused"].groupby("split")["given"]:
            found.append(f"{split_names.listed(values.unique())} {whose} as `{split}` ({plural(len(values), 'image')})")
    return [f"column `split` is understood so: {'; '.join(found)}; {split_names.WAY_ON}"] if found else []


def _negation(name: str, other: str) -> bool:
    """Return whether a name is another one with `no` or `non` before some part of it: CT_NonCOVID and CT_COVID."""
    text, plain = ("".join(filter(str.isalnum, one.casefold())) for one in (name, other))
    cuts = [found.span() for word in ("non", "not", "no", "un") for found in re.finditer(word, text)]
    return any(text[:start] + text[end:] == plain for start, end in cuts)


def _negative(name: str) -> bool:
    text = " ".join(name.casefold().split())
    return text in NEGATIVE or text.startswith(NEGATED)


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
