"""White blood cells from four combinations of smear and microscope: the five kinds that all of them label."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .....shifts.errors import MedshiftError
from ..definition import ParsedSet
from ..tables import one_of, squares

SHORT = {"baso": "basophil", "eosi": "eosinophil", "lymp": "lymphocyte", "mono": "monocyte", "neut": "neutrophil"}
ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
# domain -> alternatives for each of its folders; each folder holds one folder per kind
PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "pbc": (("pbc/PBC_dataset_normal_DIB", "PBC_dataset_normal_DIB", "pbc"),),
    "raabin": (("raabin/Train",), ("raabin/TestA", "raabin/Test-A")),
    "raabin-test-b": (("raabin/TestB", "raabin/Test-B"),),
    "lisc": (("lisc/LISC Database/Main Dataset", "LISC Database/Main Dataset", "lisc/Main Dataset"),),
}


def read(folder: Path, side: int) -> ParsedSet:
    """Read whichever of the sets exist; each image is its own group, as no set names the patients.

    Raises:
        MedshiftError: Fewer than two domains exist.
    """
    rows: list[tuple[str, str, str]] = []
    left: dict[str, int] = {}
    for domain, parts in PLACES.items():
        for names in parts:
            place = one_of(folder, *names)
            if place is None:
                continue
            for kind in sorted(path for path in place.iterdir() if path.is_dir()):
                label = SHORT.get(kind.name.lower()[:4]) if kind.name.lower() != "mixt" else None
                images = sorted(path for path in kind.iterdir() if path.suffix.lower() in ENDINGS)
                if label is None:
                    left[f"{domain}/{kind.name}"] = len(images)
                rows += [(path.relative_to(folder).as_posix(), label, domain) for path in images if label is not None]
    table = pd.DataFrame(rows, columns=["sample_id", "label", "domain"])
    found = sorted(table["domain"].unique())
    if len(found) < 2:
        raise MedshiftError(
            f"{folder} holds cells of {', '.join(found) or 'none'} of {', '.join(PLACES)}; two domains are needed"
        )
    table["group"] = table["sample_id"]
    notes = tuple(
        f"{name}: {count:,} images are of none of the five kinds and left out" for name, count in left.items()
    )
    return ParsedSet(table, squares(folder, table["sample_id"].tolist(), side), notes=notes)
