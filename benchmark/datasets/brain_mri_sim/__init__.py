"""The embedded default data set: SIMULATED brain MR patches from four scanners, lesion or no lesion.

`build.build()` makes it; `scanner.acquire()` is the acquisition itself, a public function; `sites.SCANNERS` is the
table of the four scanners. Import is free: the modules load on use.
"""

NAME = "brain-mri-sim"
SMALL = "brain-mri-sim-small"  # its first patients, for demonstrations
SMALL_PATIENTS = {"nyu": 120, "caltech": 24, "stanford": 24, "portable": 24}
VERSION = "2"  # of the pixels: 1 was computed in float32, see `build`
MODALITY = "mr"
SIMULATED = True
CLASSES = ("no-lesion", "lesion")
SOURCE = "nyu"
TARGETS = ("caltech", "stanford", "portable")
CHANNELS = 1
VALUE_RANGE = (0, 65535)

DESCRIPTION = (
    "SIMULATED T1-weighted brain MR: 64x64 patches (1 mm) of axial slices of virtual patients, half of them with a "
    "small white-matter lesion, acquired by a physics-based simulator under the protocols of four scanners. "
    "No patient data."
)
LICENCE = (
    "Simulated images, free to use with attribution; they derive from the ICBM152 2009a template, Copyright (C) "
    "1993-2009 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological Institute, McGill University, "
    "which permits use, copying, modification and distribution for any purpose with that notice kept."
)
CITATION = (
    "SIMULATED with medshift. Anatomy: ICBM152 2009a nonlinear symmetric, Fonov et al., NeuroImage 2011, "
    "doi 10.1016/j.neuroimage.2010.07.033, and Fonov et al., NeuroImage 2009, 47 (S1): S102, as shipped by nilearn. "
    "Protocols: ABIDE I, Di Martino et al., Mol Psychiatry 2014. Image quality by site: MRIQC, Esteban et al., "
    "PLoS ONE 2017."
)
