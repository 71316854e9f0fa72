"""Public sets that are fetched from repositories at one commit, once their terms are accepted."""

from __future__ import annotations

from .definition import Definition
from .labels import FOUR_BLOOD_CELLS, VESSEL_OR_NOT
from .repositories import Repository

BLOOD_CELLS = Definition(
    name="blood-cells",
    title="Four kinds of white blood cells on smears, four acquisitions",
    modality="microscopy",
    classes=FOUR_BLOOD_CELLS,
    domains=("pbc_barcelona", "bccd", "jtsc_motic", "cellavision_blog"),
    group="not given: each image is its own group",
    source="pbc_barcelona",
    size="2,343 images: 1,600 + 348 + 298 + 97",
    licence="pbc_barcelona: CC BY 4.0 as MedMNIST records it; jtsc_motic and cellavision_blog: repository under "
    "GPL-3.0, acknowledge Jiangxi Tecom and the CellaVision blog; bccd: none stated there, MIT at its origin",
    citation="Acevedo et al., Data in Brief 30:105474 (2020); Zheng et al., Micron 107:55-71 (2018); BCCD: "
    "https://github.com/Shenggan/BCCD_Dataset and https://www.kaggle.com/datasets/paultimothymooney/blood-cells",
    page="https://github.com/AuralinACC/Blood-Cell-Classification (images: "
    "https://data.mendeley.com/datasets/snkd93bnjr/1), https://github.com/zxaoyou/segmentation_WBC, "
    "https://github.com/apple2373/BCCD",
    layout=(
        ("PBC_dataset_normal_DIB/*/*.jpg", "from a clone at d2e7b75e, or from Mendeley Data"),
        ("segmentation_WBC/", "a clone at fa9c0162"),
        ("BCCD/", "a clone at 7751031e"),
    ),
    fetch="Accept the terms with --accept, which fetches the files, or clone the repositories; files are recognised by "
    "their content, wherever below the folder they lie:",
    reader="blood_cells:read",
    repositories=(
        Repository(
            "AuralinACC/Blood-Cell-Classification",
            "d2e7b75e11e21df3fb39f4d1d30004381663d96a",
            "1,600 images of PBC_dataset_normal_DIB (CellaVision DM96, Hospital Clinic of Barcelona)",
            'the code is under MIT, "the datasets used in this project have their own licenses"; the images are those '
            "of Mendeley Data snkd93bnjr, which MedMNIST records as CC BY 4.0. Cite Acevedo et al. (2020)",
        ),
        Repository(
            "zxaoyou/segmentation_WBC",
            "fa9c01622f52bccb9aeb8a6f2628f564e377767d",
            "299 images of Dataset 1 (Motic camera, Jiangxi Tecom) and 100 of Dataset 2 (CellaVision blog), and labels",
            "GPL-3.0 (its LICENSE file); acknowledge Jiangxi Tecom Science Corporation for Dataset 1 and the "
            "CellaVision blog for Dataset 2, and cite Zheng et al. (2018). The blog states no terms of its own",
        ),
        Repository(
            "apple2373/BCCD",
            "7751031e0b41bcfdff998cbc4c698a445a60b49e",
            "348 cropped cells of BCCD",
            "none stated. The images descend from Shenggan/BCCD_Dataset (MIT), the labels from Kaggle's "
            "paultimothymooney/blood-cells",
        ),
    ),
    notes=(
        "PBC: 400 images per class, drawn with Python's random.Random(0) from the sorted names of neutrophil, "
        "lymphocyte, monocyte and eosinophil in turn; of each the central 224 pixels, which make a cell about as large "
        "in the frame as elsewhere. Other images are whole. Exact duplicates are left out (jtsc_motic 139 is 112).",
        "Basophils are left out: one acquisition has many, the others 1, 3 and 3.",
        "The authors of segmentation_WBC say that its labels are partly their own and not checked by an expert.",
        "No source names the patients, and PBC and BCCD may hold several cells of one: results within a domain may be "
        "too good. Classes are in other proportions in each domain: use balanced accuracy.",
    ),
)

FUNDUS_VESSELS = Definition(
    name="fundus-vessels",
    title="Is there a vessel at the centre of a patch of the retina? Two cameras",
    modality="fundus",
    classes=VESSEL_OR_NOT,
    domains=("drive_canon_cr5", "chase_nidek_nm200d"),
    group="photograph (DRIVE) or child, both eyes together (CHASE_DB1)",
    source="drive_canon_cr5",
    size="3,168 patches of 40 + 28 photographs: 1,600 + 1,568",
    licence="drive_canon_cr5: research and education only, no copying, redistribution or unauthorised commercial "
    "use, for those who obtained DRIVE from its own page; chase_nidek_nm200d: research, with citation; the repository "
    "states none",
    citation="Staal et al., IEEE TMI 23:501-509 (2004) (DRIVE); Fraz et al., IEEE TBME 59:2538-2548 (2012); Owen et "
    "al., IOVS 50:2004-2010 (2009) (CHASE_DB1)",
    page="https://github.com/mipple1986/data (images: https://drive.grand-challenge.org/, "
    "https://researchinnovation.kingston.ac.uk/en/datasets/chasedb1-retinal-vessel-reference-dataset-4/)",
    layout=(
        ("DRIVE/", "images, 1st_manual and mask of training and test, from a clone at 92b9449a or DRIVE's own page"),
        ("CHASEDB1/", "*.jpg and *_1stHO.png, from a clone or Kingston University"),
    ),
    fetch="Accept the terms with --accept, which fetches the files, or clone the repository; files are recognised by "
    "their content, wherever below the folder they lie:",
    reader="vessel_patches:read",
    options={"drawn": "302a8c4da7e48e7aeded920fd3ff92852ed1a6e6b8462406b8d5e6dd1632e8c4"},
    repositories=(
        Repository(
            "mipple1986/data",
            "92b9449a2e7a38dbd4c62825418dafcd5eba4fec",
            "40 photographs of DRIVE (Canon CR5) and 28 of CHASE_DB1 (Nidek NM-200-D), with masks",
            "none stated: it is a copy that others made. DRIVE's own page gives it for research and education, "
            "prohibits copying, redistribution and unauthorised commercial use, and restricts use to those who "
            "obtained it from that page (https://drive.grand-challenge.org/): accept only if you did, or may use it "
            "otherwise. CHASE_DB1 is given for research with citation. Cite Staal et al. (2004), Fraz et al. (2012) "
            "and Owen et al. (2009)",
        ),
    ),
    side=48,
    sides=(48,),
    notes=(
        "Labels come from the first observer's mask: a vessel's pixel at the centre, or none nearer than 9 pixels. "
        "Centres are more than 26 pixels from the edge of the field of view (CHASE_DB1: where no channel exceeds 25). "
        "20 + 20 patches per photograph of DRIVE, 28 + 28 of CHASE_DB1, whose photographs are halved first so that a "
        "degree has about as many pixels; drawn with NumPy's default_rng(0).",
        "DRIVE: adults in the Netherlands; CHASE_DB1: children in England. A drop comes from camera, age and graders.",
    ),
)
PINNED_SETS = (BLOOD_CELLS, FUNDUS_VESSELS)
