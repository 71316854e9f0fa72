"""The four scanners of `brain-mri-sim`, one row each: everything in which the sites differ stands in this table.

Protocols (TR, TI, TE, flip angle, voxel) are those of ABIDE I (Di Martino et al., Mol Psychiatry 2014) as tabulated in
`mriqc-learn` 0.0.3 (`abide_scan_parameters.tsv`, and `spacing_*` in `abide.tsv`; nyu's voxel in the phase direction
follows from its 75 % phase resolution). Noise, non-uniformity and sharpness are calibrated to the medians by site of
the image-quality metrics in that package's `abide.tsv` (1,101 scans, MRIQC: Esteban et al., PLoS ONE 2017); in
brackets nyu / caltech / stanford:

* SNR of white matter over receiver noise: Dietrich's `snrd_wm` (27.1 / 75.5 / 32.8). It is measured against noise
  in air, which Caltech's parallel imaging removes; there it is nyu's, times the ratio of `snr_wm` (21.2 / 17.1).
* Coil non-uniformity, 5th to 95th percentile over the median: `inu_range` / `inu_med` (.41 / .54 / .43).
* Sharpness: `fwhm_x`, `fwhm_y` times the spacing, left-right and anterior-posterior (4.08, 4.24 / 4.37, 4.55 / 4.04,
  4.99 mm). The point spread of nyu's 1.33 mm sampling (1.2 x 1.33 = 1.6 mm) taken off in quadrature leaves 3.75 and
  3.93 mm of anatomy; what an axis has beyond that and its own sampling is apodisation: none at nyu, 1.9 and 2.0 mm at
  caltech (whose raw filter is on), 1.1 and 2.5 mm at stanford; the smaller of the two is used for both axes.

`portable` is not a published site: a generic head-only 0.5 T system with an MPRAGE whose times follow the shorter T1 at
low field, thick slices, coarse sampling and low SNR. These are assumptions, not measurements: the far end of the scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Scanner:
    """One site's scanner and T1-weighted protocol.

    Attributes:
        site: the domain's name.
        model: vendor and model.
        field_t: field strength in tesla; a key of `tissue.TABLE`.
        sequence: whose signal equation applies.
        tr_ms: repetition time: from inversion to inversion for MPRAGE, from echo to echo for SPGR.
        ti_ms: inversion time (MPRAGE only).
        te_ms: echo time.
        flip_deg: flip angle.
        voxel_mm: acquired voxel in the axial plane: anterior-posterior (rows), left-right (columns).
        thickness_mm: slice thickness.
        snr: white matter over the standard deviation of one noise channel, in the reconstructed image.
        non_uniformity: coil sensitivity, 5th to 95th percentile over the median, inside the head.
        apodisation_mm: full width at half maximum of the Gaussian point spread of the raw-data filter; 0 is none.
    """

    site: str
    model: str
    field_t: float
    sequence: Literal["mprage", "spgr"]
    tr_ms: float
    ti_ms: float | None
    te_ms: float
    flip_deg: float
    voxel_mm: tuple[float, float]
    thickness_mm: float
    snr: float
    non_uniformity: float
    apodisation_mm: float


SOURCE = "nyu"

# fmt: off
SCANNERS: tuple[Scanner, ...] = (
    #       site        model              T    sequence  TR    TI    TE    flip  voxel AP, LR  slice SNR   INU   apod
    Scanner("nyu",      "Siemens Allegra", 3.0, "mprage", 2530, 1100, 3.25,  7.0, (1.33, 1.33), 1.00, 27.1, 0.41, 0.0),
    Scanner("caltech",  "Siemens TrioTim", 3.0, "mprage", 1590,  800, 2.73, 10.0, (1.00, 1.00), 1.00, 33.7, 0.54, 1.9),
    Scanner("stanford", "GE Signa",        3.0, "spgr",    8.4, None, 1.80, 15.0, (1.50, 0.86), 0.86, 32.8, 0.43, 1.1),
    Scanner("portable", "generic head",    0.5, "mprage", 1500,  500, 5.00, 10.0, (1.60, 1.60), 4.00, 11.0, 0.50, 0.0),
)
# fmt: on


def scanner(site: str) -> Scanner:
    """Return the row of a site.

    Raises:
        KeyError: no such site.
    """
    return {row.site: row for row in SCANNERS}[site]
