"""Training sets in which a second site goes with the label, as strongly as asked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ....shifts.errors import MedshiftError
from ...files.wording import plural
from .. import splits

CLOSE = 0.05  # the V of a training set may differ from the one asked for by this much: images are whole numbers
PARTS = ("train", "val")

Counts = NDArray[np.int64]


class UnreachedStrength(MedshiftError):
    """The images of two sites do not allow a strength.

    Args:
        strength: Cramer's V that was asked for.
        reached: The one that it gives.
        images: What gives it.
        possible: Those that come out as asked for.
    """

    def __init__(self, strength: float, reached: float, images: str, possible: Sequence[float]) -> None:
        self.told = f"--confound {strength:g}: {images} give {reached:.2f}, which is more than {CLOSE:g} off"
        below = [f"{each:g}" for each in possible if each < strength][-1:]
        above = [f"{each:g}" for each in possible if each > strength][:1]
        super().__init__(f"{self.told}: give --confound {' or '.join([*below, *above])}")


def confound(
    table: pd.DataFrame, source: str, domain: str, strength: float, seed: int, classes: Sequence[str]
) -> pd.DataFrame:
    """Mix images of a second domain into the source's training and validation, in association with the label.

    The second domain goes with the second of two classes, or with the last half of several: each of these is then as
    strongly associated with it, and Cramer's V of domain and class is that of domain and half. Number of images,
    classes and images of each domain are the same at every strength (those that all strengths from 0 to 1 can be made
    of), so that only the association changes. The second domain's images come out of its adaptation split; what is left
    of them, and of the source's training and validation, is `unused`. Test splits stay.

    Groups keep to one split. For a class, they are taken one after another with all their images of this class, in an
    order that the seed decides; of the last one only as many as are needed. Smaller choices are parts of larger ones.
    A group that holds several classes is used for one of them, as far as groups suffice.

    Args:
        table: Columns sample_id, label, domain, group and split, as from `splits.split`; others are kept.
        source: The domain to train on.
        domain: The domain that goes with the label.
        strength: Cramer's V, 0 to 1.
        seed: Seed of the choice of groups.
        classes: Names of the labels.

    Raises:
        MedshiftError: The data cannot give this.
    """
    rows = table.reset_index(drop=True)
    pools = _pools(rows, source, domain, classes)
    of_source = (rows["domain"] == source) & rows["split"].isin(PARTS)
    of_other = (rows["domain"] == domain) & (rows["split"] == "adapt")
    splitting = rows["split"].where(~(of_source | of_other), "unused")
    going = _going(len(classes))
    for part, (own, other) in pools.items():
        have = np.stack([_count(each, len(classes)) for each in (own, other)])
        wanted = _cells(have, strength, (source, domain), part, classes)
        for pool, counts in zip((own, other), wanted, strict=True):
            for label, count in enumerate(counts):
                of_class = pool[pool["label"] == label]
                splitting[_chosen(of_class, int(count), seed, backwards=bool(going[label]))] = part
    made = rows.assign(split=splitting)
    reached = cramers_v(made, source, domain, "train")
    if abs(reached - strength) > CLOSE:
        images = plural(int((made["split"] == "train").sum()), "training image")
        have = np.stack([_count(each, len(classes)) for each in pools["train"]])
        possible = _reproduced(have, (source, domain), classes)
        raise UnreachedStrength(strength, reached, f"{images} of {source} and {domain}", possible)
    return made.set_index(table.index)


def cramers_v(table: pd.DataFrame, source: str, domain: str, part: str) -> float:
    """Measure Cramer's V of domain and class over the images of a split of both domains.

    Args:
        table: Columns label, domain and split.
        source: One domain.
        domain: The other.
        part: `train` or `val`.
    """
    rows = table[(table["split"] == part) & table["domain"].isin([source, domain])]
    return _strength(pd.crosstab(rows["domain"], rows["label"]).to_numpy())


def _strength(table: Counts) -> float:
    """Compute Cramer's V of a table of two domains."""
    counts = table.astype(np.float64)
    if min(counts.shape) < 2:
        return 0.0
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    return float(np.sqrt(((counts - expected) ** 2 / expected).sum() / counts.sum()))


def _reproduced(have: Counts, domains: tuple[str, str], classes: Sequence[str]) -> list[float]:
    """Return the strengths, in hundredths, that training images give as asked for."""
    asked = [step / 100 for step in range(101)]
    return [v for v in asked if round(_strength(_cells(have, v, domains, "train", classes)), 2) == v]


def goes_with(classes: Sequence[str]) -> list[str]:
    """Name the classes that the second domain goes with: the second of two, or the last half of several."""
    return [name for name, goes in zip(classes, _going(len(classes)), strict=True) if goes]


def described(table: pd.DataFrame, source: str, domain: str, classes: Sequence[str], strength: float) -> str:
    """Write how a site goes with the label, as asked and as it is: counts of training images and both splits' V.

    Args:
        table: The truth of the protocol.
        source: The domain to train on.
        domain: The domain that goes with the label.
        classes: Names of the labels.
        strength: Cramer's V, as asked.
    """
    rows = table[table["split"] == "train"]
    numbers = [
        f"{name} {' + '.join(f'{n:,}' for n in _count(rows[rows['domain'] == name], len(classes)))}"
        for name in (source, domain)
    ]
    reached = ", ".join(f"{cramers_v(table, source, domain, part):.3f} in {part}" for part in PARTS)
    names = " and ".join(f"`{name}`" for name in goes_with(classes))
    return (
        f"confounded: {domain} goes with {names} at Cramer's V {strength:g} ({reached}); training images "
        f"({' + '.join(classes)}): {'; '.join(numbers)}"
    )


def _going(classes: int) -> NDArray[np.bool_]:
    return np.arange(classes) >= classes - classes // 2


def _count(rows: pd.DataFrame, classes: int) -> Counts:
    return np.bincount(rows["label"].to_numpy(dtype=np.int64), minlength=classes)


def _pools(
    rows: pd.DataFrame, source: str, domain: str, classes: Sequence[str]
) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Return the images of source and second domain that training and validation can be made of."""
    adapt = rows[(rows["domain"] == domain) & (rows["split"] == "adapt")]
    groups = adapt["group"].nunique()
    if groups < splits.FOLDS:
        raise MedshiftError(
            f"--with {domain}: {plural(groups, 'group')} outside its test images; {splits.FOLDS} are needed, to train "
            "and to validate on: choose another domain"
        )
    try:
        train, val = splits.halves(adapt, splits.FOLDS, 2, domain, classes)
    except splits.TooFew as error:
        raise MedshiftError(f"--with {domain}: {error}: choose another domain") from None
    of_source = rows[rows["domain"] == source]
    others = {"train": adapt.loc[train], "val": adapt.loc[val]}
    return {part: (of_source[of_source["split"] == part], others[part]) for part in PARTS}


def _cells(have: Counts, strength: float, domains: tuple[str, str], part: str, classes: Sequence[str]) -> Counts:
    """Return how many images of each domain (row) and class (column) a split takes.

    Args:
        have: How many there are, (2, K).
        strength: Cramer's V.
        domains: Names of the two domains.
        part: The split, for the message.
        classes: Names of the labels.
    """
    going = _going(len(classes))
    share = have[0] / max(1, have[0].sum())
    # of each domain and class, the largest share of all images that any V needs: that of V = 1, or of V = 0
    weak = np.where(going, share[~going].sum(), share[going].sum())
    for ends in ((0.0, 1.0), *([(1.0,)] if strength == 1 else [])):  # if not every V can be made, 1 may still be
        needed = np.where([~going, going], share, share * weak * (0.0 in ends))
        most = int((have[needed > 0] / needed[needed > 0]).min()) + 1 if needed.any() else 0
        for total in range(most, 0, -1):  # rounding may need an image more than there is
            counts = np.floor(total * share + 1e-9).astype(np.int64)
            if counts.min() < 1:
                break
            if all((_against(counts, going, _images(counts, going, at)) <= have).all() for at in ends):
                return _table(counts, going, strength)
    raise MedshiftError(_lacking(have, strength, domains, part, classes))


def _table(counts: Counts, going: NDArray[np.bool_], strength: float) -> Counts:
    """Return the (2, K) table of classes of these sizes whose Cramer's V is nearest to a strength.

    Of several classes, each rounded to whole images, the nearest whole number of images need not give the nearest V.
    """
    independent = counts[~going].sum() * counts[going].sum() / counts.sum()
    exact, nearest = independent * (1 - strength), _images(counts, going, strength)
    # with more than the independent number, the second domain would go with the other classes
    beside = {at for at in (math.floor(exact), math.ceil(exact)) if at <= independent} - {nearest}
    tables = [_against(counts, going, at) for at in (nearest, *beside)]
    off = [round(abs(_strength(table) - strength), 9) for table in tables]
    return tables[off.index(min(off))]


def _images(counts: Counts, going: NDArray[np.bool_], strength: float) -> int:
    """Return the whole number of images on either side of the diagonal that is nearest to a strength's."""
    nearest: int = round(counts[~going].sum() * counts[going].sum() / counts.sum() * (1 - strength))
    return nearest


def _against(counts: Counts, going: NDArray[np.bool_], against: int) -> Counts:
    """Return the (2, K) table with so many images of either domain in classes that go with the other one.

    Domains are as large as the classes that go with them.
    """
    other = np.where(going, counts, 0)
    other[~going] += _shared(against, counts[~going])
    other[going] -= _shared(against, counts[going])
    return np.stack([counts - other, other])


def _shared(total: int, sizes: Counts) -> Counts:
    """Divide a number in proportion to sizes, by the largest remainders."""
    exact = total * sizes / sizes.sum()
    whole: Counts = np.floor(exact).astype(np.int64)
    order = np.argsort(whole - exact, kind="stable")
    whole[order[: total - int(whole.sum())]] += 1
    return whole


def _lacking(have: Counts, strength: float, domains: tuple[str, str], part: str, classes: Sequence[str]) -> str:
    """Write why no table can be made, and which V can."""
    going = _going(len(classes))
    needed = np.stack([~going, going])  # without which nothing can be made; without the others only V = 1
    named = [
        (
            f"{domains[row]} has no `{classes[label]}` images to {'train' if part == 'train' else 'validate'} on",
            needed[row, label],
        )
        for row, label in zip(*np.nonzero(have == 0), strict=True)
    ]
    if not named:
        least = f"{part} of {domains[0]} ({have[0].sum():,} images) and {domains[1]} ({have[1].sum():,})"
        return f"--confound {strength:g}: too few images for every class in both, {least}: choose another --with"
    which = "no V can be made" if any(strict for _, strict in named) else "the only V is 1, which is also the largest"
    return f"--confound {strength:g}: {'; '.join(text for text, _ in named)}, so that {which}: choose another --with"


def _chosen(rows: pd.DataFrame, count: int, seed: int, *, backwards: bool) -> pd.Index:
    """Return the index of `count` images, group by group in an order that the seed decides.

    The classes that go with the second domain are taken from the end of the order: a group that holds several classes
    is then used for one of them, as far as there are enough, and the number of groups is the same at every strength.
    """
    place = {
        name: hashlib.sha256(f"confound\x1f{seed}\x1f{name}".encode()).hexdigest() for name in rows["group"].unique()
    }
    ordered = rows.assign(place=rows["group"].map(place)).sort_values(["place", "sample_id"], ascending=not backwards)
    return ordered.index[:count]
