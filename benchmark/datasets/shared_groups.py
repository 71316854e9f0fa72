"""Groups (patients) that occur in several domains: whether they are the same ones, only the user knows."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import pandas as pd

WAY_ON = "if each site numbers its patients by itself: --groups-per-domain"
MOST = 3  # pairs of domains that a note spells out


@dataclass(frozen=True)
class Overlap:
    """Groups that two domains share.

    Args:
        domains: The two domains.
        groups: Number of groups in both.
        images: Images of these groups, by domain.
        of: All images, by domain.
    """

    domains: tuple[str, str]
    groups: int
    images: tuple[int, int]
    of: tuple[int, int]


def overlaps(table: pd.DataFrame) -> list[Overlap]:
    """List the pairs of domains that share groups, most groups first.

    Args:
        table: Columns domain and group.
    """
    sizes = table.groupby(["group", "domain"], observed=True).size()
    shared = sizes[sizes.groupby(level="group").transform("size") > 1]
    totals = table["domain"].value_counts()
    members = {str(name): rows.droplevel("domain") for name, rows in shared.groupby(level="domain")}
    found = []
    for one, other in combinations(sorted(members), 2):
        both = members[one].index.intersection(members[other].index)
        if len(both):
            images = (int(members[one][both].sum()), int(members[other][both].sum()))
            found.append(Overlap((one, other), len(both), images, (int(totals[one]), int(totals[other]))))
    return sorted(found, key=lambda pair: (-pair.groups, pair.domains))


def count_shared(table: pd.DataFrame) -> int:
    """Count the groups that occur in more than one domain."""
    return int((table.groupby("group")["domain"].nunique() > 1).sum())


def shared_groups_note(table: pd.DataFrame) -> str:
    """Write what shared groups will cost, whichever domain is trained on; empty if there are none."""
    pairs = overlaps(table)
    if not pairs:
        return ""
    (one, other), first = pairs[0].domains, pairs[0]
    if len(pairs) == 1:
        cost = (
            f"training on {one} sets aside {first.images[1]:,} of {first.of[1]:,} images of {other}, "
            f"training on {other} {first.images[0]:,} of {first.of[0]:,} of {one}"
        )
        return f"{counted(first.groups)} in both {one} and {other} and count as the same patients: {cost}; {WAY_ON}"
    several = count_shared(table)
    listed = ", ".join(f"{pair.groups:,} in both {pair.domains[0]} and {pair.domains[1]}" for pair in pairs[:MOST])
    return (
        f"{counted(several)} in several domains ({listed}{', ...' if len(pairs) > MOST else ''}) and count as the same "
        f"patients: images whose group the source has, too, are set aside; {WAY_ON}"
    )


def counted(groups: int) -> str:
    """Count groups that occur somewhere: `1 group occurs`, `60 groups occur`."""
    return "1 group occurs" if groups == 1 else f"{groups:,} groups occur"


def groups_per_domain(table: pd.DataFrame) -> pd.DataFrame:
    """Put the domain before every group, `A/17`, if any group occurs in several domains; else change nothing.

    All groups change, so that the name of one does not depend on which others are shared.
    """
    if not count_shared(table):
        return table
    return table.assign(group=table["domain"].astype(str) + "/" + table["group"].astype(str))
