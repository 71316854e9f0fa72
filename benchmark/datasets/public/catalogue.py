"""The table of public data sets. Figures are those of the authors."""

from __future__ import annotations

from ....shifts.errors import MedshiftError, near
from .definition import Definition
from .labels import AGES, BLOOD_CELLS, DIAGNOSES, GRADES, REFERABLE, SEXES
from .pinned_sets import PINNED_SETS

FUNDUS_LAYOUT = (
    ("aptos2019/train.csv", "id_code, diagnosis"),
    ("aptos2019/train_images/*.png", ""),
    ("idrid/B. Disease Grading/1. Original Images/a. Training Set/*.jpg", "and b. Testing Set"),
    ("idrid/B. Disease Grading/2. Groundtruths/*.csv", "both tables of labels"),
    ("messidor2/IMAGES/*", "from ADCIS"),
    ("messidor2/messidor-2.csv", "left;right, from ADCIS"),
    ("messidor2/messidor_data.csv", "the adjudicated grades, from Kaggle"),
    ("eyepacs/trainLabels.csv", "image, level"),
    ("eyepacs/train/*.jpeg", ""),
)
FUNDUS_PAGES = (
    "aptos2019: https://www.kaggle.com/competitions/aptos2019-blindness-detection, "
    "idrid: https://ieee-dataport.org/open-access/indian-diabetic-retinopathy-image-dataset-idrid, "
    "messidor2: https://www.adcis.net/en/third-party/messidor2/ and "
    "https://www.kaggle.com/datasets/google-brain/messidor2-dr-grades, "
    "eyepacs: https://www.kaggle.com/competitions/diabetic-retinopathy-detection"
)
FUNDUS_TERMS = (
    "idrid: CC BY 4.0; messidor2: research and teaching, on request; aptos2019 and eyepacs: the rules of their Kaggle "
    "competitions"
)
FUNDUS_CITATION = (
    "APTOS 2019 Blindness Detection (Kaggle); Porwal et al., Data 3:25 (2018); Decenciere et al., Image Anal Stereol "
    "33:231-234 (2014); Krause et al., Ophthalmology 125:1264-1272 (2018); Diabetic Retinopathy Detection (Kaggle, "
    "EyePACS, 2015)"
)
CHEST_LAYOUT = (
    ("nih/images/*.png", "all archives into one folder"),
    ("chexpert/CheXpert-v1.0-small/train.csv", "or CheXpert-v1.0"),
    ("chexpert/CheXpert-v1.0-small/train/", ""),
    ("padchest/images/*.png", "or images-224; all archives into one folder"),
    ("rsna/stage_2_train_images/*.dcm", "or stage_2_train_images_jpg/*.jpg"),
    ("rsna/pneumonia-challenge-dataset-mappings_2018.json", "maps each image to its NIH image, from RSNA"),
)
CHEST_SIZES = {"nih": "112,120", "chexpert": "224,316", "padchest": "over 160,000", "rsna": "26,684"}
CHEST_PAGES = (
    "nih: https://nihcc.app.box.com/v/ChestXray-NIHCC, "
    "chexpert: https://stanfordmlgroup.github.io/competitions/chexpert/, "
    "padchest: https://bimcv.cipf.es/bimcv-projects/padchest/, "
    "rsna: https://www.rsna.org/rsnai/ai-image-challenge/rsna-pneumonia-detection-challenge-2018"
)
CHEST_TERMS = (
    "nih: any use with citation and acknowledgement of the NIH Clinical Center; chexpert: Stanford's research use "
    "agreement; padchest: BIMCV's research use agreement; rsna: the rules of its Kaggle competition"
)
CHEST_CITATION = (
    "Wang et al., CVPR 2017 (ChestX-ray8); Irvin et al., arXiv:1901.07031 (CheXpert); Bustos et al., "
    "arXiv:1901.07441 (PadChest); Shih et al., Radiol Artif Intell 1:e180041 (2019) (RSNA); Cohen et al., MIDL 2022 "
    "(TorchXRayVision)"
)
CHEST_NOTES = (
    "PA views only. Findings were extracted from reports by a different program at each hospital (RSNA: by "
    "radiologists): a drop at another hospital comes from images and labels.",
    "RSNA's images are NIH's, and their patients the same groups: neither can be a target of the other.",
)
TOGETHER = "Fetch two or more of these, each from its own page, where its terms must be accepted:"


def _fundus(name: str, what: str, label: str, classes: tuple[str, ...]) -> Definition:
    return Definition(
        name=name,
        title=f"Diabetic retinopathy on fundus photographs from four programmes: {what}",
        modality="fundus",
        classes=classes,
        domains=("aptos2019", "idrid", "messidor2", "eyepacs"),
        group="examination or patient (EyePACS, Messidor-2); image where eyes are not linked (APTOS, IDRiD)",
        size="3,662 + 516 + 1,748 + 35,126 images",
        licence=FUNDUS_TERMS,
        citation=FUNDUS_CITATION,
        page=FUNDUS_PAGES,
        layout=FUNDUS_LAYOUT,
        fetch=TOGETHER,
        reader="fundus:read",
        options={"label": label},
        notes=("Each programme has its own graders: a drop comes from images and graders.",),
    )


def _chest(finding: str, domains: tuple[str, ...]) -> Definition:
    name = finding.lower()
    return Definition(
        name=f"chest-{name}",
        title=f"{finding} on chest radiographs across hospitals",
        modality="xray",
        classes=(f"no-{name}", name),
        domains=domains,
        group="patient",
        size=", ".join(f"{domain}: {CHEST_SIZES[domain]}" for domain in domains)
        + " images, of which PA views are used",
        licence=CHEST_TERMS,
        citation=CHEST_CITATION,
        page=CHEST_PAGES,
        layout=CHEST_LAYOUT if "rsna" in domains else CHEST_LAYOUT[:4],
        fetch=TOGETHER,
        reader="chest:read",
        options={"finding": finding},
        extra="xray",
        notes=CHEST_NOTES if "rsna" in domains else CHEST_NOTES[:1],
    )


def _ixi(name: str, label: str, what: str, classes: tuple[str, ...]) -> Definition:
    return Definition(
        name=name,
        title=f"T1-weighted heads from three London hospitals, 1.5 and 3 T, in 3-D: {what}",
        modality="mr",
        classes=classes,
        domains=("guys-1.5t", "hammersmith-3t", "iop-1.5t"),
        group="person",
        source="guys-1.5t",
        size="nearly 600 volumes, one archive",
        licence="CC BY-SA 3.0",
        citation="IXI dataset, https://brain-development.org/ixi-dataset/ (EPSRC GR/S21533/02)",
        page="https://brain-development.org/ixi-dataset/",
        layout=(
            ("IXI-T1/IXI*-T1.nii.gz", "from IXI-T1.tar; or in T1, or without a folder"),
            ("IXI.xls", "or saved as IXI.csv"),
        ),
        fetch="Fetch IXI-T1.tar and IXI.xls, unpack the archive:",
        reader="ixi:read",
        options={"label": label},
        remotes="ixi:remotes",
        side=64,
        extra="ixi",
        notes=("Healthy persons, with faces. Compare the hospitals' mix of ages and sexes before you trust a drop.",),
    )


DEFINITIONS = (
    Definition(
        name="pathmnist",
        title="Nine tissues of colorectal histology, two clinical centres",
        modality="microscopy",
        classes=(
            "adipose",
            "background",
            "debris",
            "lymphocytes",
            "mucus",
            "smooth-muscle",
            "normal-colon-mucosa",
            "cancer-associated-stroma",
            "colorectal-adenocarcinoma-epithelium",
        ),
        domains=("nct-crc-he-100k", "crc-val-he-7k"),
        group="not given: each image is its own group",
        source="nct-crc-he-100k",
        size="107,180 images",
        licence="CC BY 4.0",
        citation="Yang et al., Sci Data 10:41 (2023) (MedMNIST v2); Kather et al., PLoS Med 16:e1002730 (2019)",
        page="https://medmnist.com/",
        layout=(("pathmnist_64.npz", "or _128, _224; pathmnist.npz for 28 pixels"),),
        fetch="Fetch the file of the size you want:",
        reader="histology:pathmnist",
        remotes="histology:pathmnist_remotes",
        side=64,
        sides=(28, 64, 128, 224),
        extra="medmnist",
        notes=(
            "MedMNIST's train and validation come from one collection, its test from another centre: these are the "
            "domains here, and each is split again. Patches of one slide may be on both sides of a split of a domain.",
        ),
    ),
    Definition(
        name="camelyon17",
        title="Tumour in lymph-node patches from five hospitals (WILDS)",
        modality="microscopy",
        classes=("normal", "tumour"),
        domains=tuple(f"hospital-{number}" for number in range(5)),
        group="patient",
        size="455,954 patches of 96 x 96, 10 GB",
        licence="CC0",
        citation="Bandi et al., IEEE TMI 38:550-560 (2018); Koh et al., ICML 2021 (WILDS)",
        page="https://wilds.stanford.edu/datasets/#camelyon17",
        layout=(("metadata.csv", "patient, node, ..., center"), ("patches/", "one folder per node")),
        fetch="Fetch and unpack camelyon17_v1.0 (with the wilds package or from its page):",
        reader="histology:camelyon17",
        remotes="histology:camelyon17_remotes",
        notes=(
            "WILDS trains on hospitals 0, 3 and 4, validates on 1 and tests on 2; here models train on one hospital "
            "and are tested on all others, so results are not comparable with WILDS.",
            "There are 50 slides, so few patients per hospital: intervals are wide, and a hospital with fewer than "
            "seven cannot be the source.",
        ),
    ),
    _chest("Pneumonia", ("nih", "chexpert", "padchest", "rsna")),
    _chest("Effusion", ("nih", "chexpert", "padchest")),
    _chest("Cardiomegaly", ("nih", "chexpert", "padchest")),
    _fundus("dr-referable", "needs referral or not", "referable", REFERABLE),
    _fundus("dr-grade", "grades 0 to 4", "grade", GRADES),
    Definition(
        name="ham10000",
        title="Seven kinds of pigmented skin lesions, four sources in Vienna and Queensland",
        modality="dermoscopy",
        classes=DIAGNOSES,
        domains=("vidir_modern", "vidir_molemax", "rosendahl", "vienna_dias"),
        group="lesion",
        source="vidir_modern",
        size="10,015 images",
        licence="CC BY-NC 4.0",
        citation="Tschandl et al., Sci Data 5:180161 (2018)",
        page="https://doi.org/10.7910/DVN/DBW86T",
        layout=(
            ("HAM10000_metadata.csv", "from Dataverse, with the column dataset, which other copies lack"),
            ("HAM10000_images_part_1/*.jpg", ""),
            ("HAM10000_images_part_2/*.jpg", ""),
        ),
        fetch="Accept the terms, fetch both parts and the metadata (original format), unpack:",
        reader="skin:ham10000",
        notes=("Sources see different patients: vidir_molemax is almost all nevi, so classes differ by domain.",),
    ),
    Definition(
        name="isic2019",
        title="Eight kinds of skin lesions of the ISIC 2019 challenge, three archives",
        modality="dermoscopy",
        classes=("mel", "nv", "bcc", "ak", "bkl", "df", "vasc", "scc"),
        domains=("ham10000", "bcn20000", "msk"),
        group="lesion",
        source="bcn20000",
        size="25,331 images, fewer with a lesion id",
        licence="CC BY-NC 4.0",
        citation="Tschandl et al., Sci Data 5:180161 (2018); Codella et al., arXiv:1710.05006; Combalia et al., "
        "arXiv:1908.02288",
        page="https://challenge.isic-archive.com/data/#2019",
        layout=(
            ("ISIC_2019_Training_GroundTruth.csv", "one column per diagnosis"),
            ("ISIC_2019_Training_Metadata.csv", "with lesion_id"),
            ("ISIC_2019_Training_Input/*.jpg", ""),
        ),
        fetch="Accept the terms, fetch the three training files, unpack:",
        reader="skin:isic2019",
        notes=("The lesion id's prefix names the archive. Classes differ by archive.",),
    ),
    Definition(
        name="wbc",
        title="Five kinds of white blood cells, three laboratories, four microscopes",
        modality="microscopy",
        classes=BLOOD_CELLS,
        domains=("pbc", "raabin", "raabin-test-b", "lisc"),
        group="not given: each image is its own group",
        source="pbc",
        size="17,092 (PBC, eight kinds), about 16,600 (Raabin-WBC, double-labelled), some hundreds (LISC) of images",
        licence="pbc: CC BY 4.0; raabin and lisc: as their pages say",
        citation="Acevedo et al., Data in Brief 30:105474 (2020); Kouzehkanan et al., Sci Rep 12:1123 (2022); "
        "Rezatofighi and Soltanian-Zadeh, Comput Med Imaging Graph 35:333-343 (2011)",
        page="pbc: https://data.mendeley.com/datasets/snkd93bnjr/1, raabin: https://raabindata.com/free-data/, "
        "lisc: http://users.cecs.anu.edu.au/~hrezatofighi/Data/Leukocyte%20Data.htm",
        layout=(
            ("pbc/PBC_dataset_normal_DIB/*/*.jpg", "basophil, eosinophil, ..."),
            ("raabin/Train/*/*.jpg", "Basophil, Eosinophil, ...; and TestA"),
            ("raabin/TestB/*/*.jpg", "another microscope and camera"),
            ("lisc/LISC Database/Main Dataset/*/*.bmp", "Baso, eosi, lymp, mono, neut"),
        ),
        fetch="Fetch two or more of these, each from its own page, unpack:",
        reader="white_blood_cells:read",
        notes=(
            "Cells fill more of the image in some sets than in others (LISC: whole fields): a drop is not only due to "
            "stain and camera. No set names the patients, so results within a domain may be too good.",
        ),
    ),
    _ixi("ixi-sex", "sex", "sex", SEXES),
    _ixi("ixi-age", "age", "under 50 years or not", AGES),
    *PINNED_SETS,
)
TABLE = {definition.name: definition for definition in DEFINITIONS}


def find(name: str) -> Definition:
    """Return the definition of a public data set.

    Raises:
        MedshiftError: No public set has that name.
    """
    if name not in TABLE:
        raise MedshiftError(f"unknown public data set {name!r}.{near(name, TABLE)}")
    return TABLE[name]
