"""What the tissues are made of: relaxation times and proton densities by field strength.

Sources, and what is read from them and what is derived:

* 3 T: T1 of grey and white matter within the range of Wright et al. (MAGMA 2008, doi 10.1007/s10334-008-0104-8: white
  838 +- 50, grey 1607 +- 112, putamen 1332, caudate 1395 ms by MPRAGE), rounded down towards Wansapura et al. (JMRI
  1999) and Stanisz et al. (MRM 2005) for whole-region averages; T2* after Wansapura and Peters et al. (MRI 2007).
* 1.5 T: T1 of white, grey and deep grey matter are the measurements of Wright et al. (646, 1197, mean of putamen 1084
  and caudate 1109 ms).
* 0.5 T: T1 is *extrapolated* from 1.5 T by T1 ~ B0^0.38 for tissue (Rooney et al., MRM 2007, doi 10.1002/mrm.21122);
  the T1 of CSF does not depend on the field (same source).
* T2* away from 3 T is *derived*: R2* grows linearly with B0 (Peters et al., ISMRM 2006, #0926; Li et al., MRM 2009)
  from a field-free R2 of 1/110 (grey), 1/95 (white, deep grey) per ms to the 3 T value.
* PD relative to water is independent of the field. Soft tissue and bone stand outside every patch's centre and are
  coarse. The lesion is a chronic white-matter lesion: T1 between normal white and grey matter, more water.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Tissue(NamedTuple):
    """T1 and T2* in ms, proton density relative to water."""

    t1: float
    t2_star: float
    pd: float


#: The order of the tissue axis everywhere in this package.
TISSUES = ("white", "grey", "deep grey", "csf", "bone", "soft", "lesion")

TABLE: dict[float, dict[str, Tissue]] = {
    3.0: {
        "white": Tissue(850, 48, 0.70),
        "grey": Tissue(1500, 55, 0.82),
        "deep grey": Tissue(1250, 45, 0.80),
        "csf": Tissue(4000, 500, 1.00),
        "bone": Tissue(400, 3, 0.05),
        "soft": Tissue(800, 25, 0.70),
        "lesion": Tissue(1250, 70, 0.80),
    },
    1.5: {
        "white": Tissue(646, 64, 0.70),
        "grey": Tissue(1197, 73, 0.82),
        "deep grey": Tissue(1095, 61, 0.80),
        "csf": Tissue(4000, 800, 1.00),
        "bone": Tissue(350, 4, 0.05),
        "soft": Tissue(650, 35, 0.70),
        "lesion": Tissue(975, 85, 0.80),
    },
    0.5: {
        "white": Tissue(425, 82, 0.70),
        "grey": Tissue(790, 94, 0.82),
        "deep grey": Tissue(720, 80, 0.80),
        "csf": Tissue(4000, 1200, 1.00),
        "bone": Tissue(300, 5, 0.05),
        "soft": Tissue(430, 45, 0.70),
        "lesion": Tissue(645, 105, 0.80),
    },
}

T1_SPREAD = 0.03  # standard deviation between patients, of each tissue
PD_SPREAD = 0.02
LESION_SEVERITY = (0.7, 1.1)  # how far from white matter (0) to the table's lesion (1) a single lesion goes


def parameters(field_t: float) -> Array:
    """Return the table of one field strength as (T, 3): T1 ms, T2* ms, PD, in the order of `TISSUES`.

    Raises:
        KeyError: no table for this field strength.
    """
    return np.array([TABLE[field_t][name] for name in TISSUES], dtype=np.float64)


def individual(field_t: float, rng: np.random.Generator) -> Array:
    """Draw one patient's tissue parameters, (T, 3): the table with a few percent of variation between people."""
    table = parameters(field_t)
    spread = np.array([T1_SPREAD, 0.0, PD_SPREAD])
    return np.asarray(table * np.exp(spread * rng.standard_normal(table.shape, dtype=np.float32)))


def lesion_parameters(patient: Array, severity: float) -> Array:
    """Return T1, T2*, PD of one lesion, (3,): severity 0 is the patient's white matter, 1 the full lesion."""
    white, lesion = patient[TISSUES.index("white")], patient[TISSUES.index("lesion")]
    return np.asarray(white + severity * (lesion - white))
