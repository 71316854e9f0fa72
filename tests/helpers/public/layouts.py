"""Small files in the layouts of public data sets; every image has one grey value, which identifies it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, value: int, size: tuple[int, int] = (40, 32), mode: str = "RGB") -> None:
    """Write an image that is `value` everywhere (16 bits: value * 257)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "I;16":
        Image.fromarray(np.full(size[::-1], value * 257, np.uint16)).save(path)
        return
    pixel = {"RGB": (value,) * 3, "RGBA": (value, value, value, 255), "L": value}[mode]
    Image.new(mode, size, pixel).save(path, **({"quality": 98} if path.suffix in (".jpg", ".jpeg") else {}))


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def camelyon17(folder: Path, per_hospital: int = 12) -> dict[str, tuple[int, str, str, str]]:
    """As packed by WILDS; returns sample id -> (value, label, domain, group), as do all functions here."""
    lines = [",patient,node,x_coord,y_coord,tumor,slide,center,split"]
    want = {}
    for number in range(5 * per_hospital):
        center, patient, tumor = number % 5, f"{(number % 5) * 20 + number // 10:03d}", number // 5 % 2
        x, y = 3328 + 32 * number, 21792
        lines.append(f"{number},{patient},4,{x},{y},{tumor},{number % 50},{center},0")
        stem = f"patient_{patient}_node_4"
        name = f"patches/{stem}/patch_{stem}_x_{x}_y_{y}.png"
        picture(folder / name, number, (96, 96), "RGBA")
        want[name] = (number, ("normal", "tumour")[tumor], f"hospital-{center}", f"patient-{patient}")
    write(folder / "metadata.csv", *lines)
    return want


def pathmnist(folder: Path) -> dict[str, tuple[int, str, str, str]]:
    """`pathmnist.npz`, compressed, labels (N, 1) uint8."""
    from medmnist.info import INFO

    names = [INFO["pathmnist"]["label"][str(code)].replace(" ", "-") for code in range(9)]
    arrays, want, value = {}, {}, 0
    for split, count, centre in (
        ("train", 18, "nct-crc-he-100k"),
        ("val", 9, "nct-crc-he-100k"),
        ("test", 11, "crc-val-he-7k"),
    ):
        images = np.empty((count, 28, 28, 3), np.uint8)
        labels = (np.arange(count) % 9).astype(np.uint8)[:, None]
        for number in range(count):
            images[number] = value
            name = f"{split}/{number:06d}"
            want[name] = (value, names[number % 9], centre, name)
            value += 1
        arrays |= {f"{split}_images": images, f"{split}_labels": labels}
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "pathmnist.npz", **arrays)
    return want


def fundus(folder: Path) -> dict[str, tuple[int, str, str, str]]:
    """APTOS, IDRiD, Messidor-2 and EyePACS side by side; the label is the grade."""
    want: dict[str, tuple[int, str, str, str]] = {}
    rows = []
    for number in range(5):
        code = f"00{number:04x}24b9"
        rows.append(f"{code},{number}")
        want[f"aptos2019/train_images/{code}.png"] = (number, str(number), "aptos2019", f"aptos2019-{code}")
    write(folder / "aptos2019/train.csv", "id_code,diagnosis", *rows)
    head = "Image name,Retinopathy grade,Risk of macular edema ,,,,,,,,,"
    for letter, name, value in (("a", "Training", 10), ("b", "Testing", 20)):
        rows = []
        for number in range(1, 4):
            image = f"IDRiD_{number:03d}"
            rows.append(f"{image},{number},0,,,,,,,,,")
            path = f"idrid/B. Disease Grading/1. Original Images/{letter}. {name} Set/{image}.jpg"
            want[path] = (value + number, str(number), "idrid", f"idrid-{letter}-{image}")
        table = f"{letter}. IDRiD_Disease Grading_{name} Labels.csv"
        write(folder / "idrid/B. Disease Grading/2. Groundtruths" / table, head, *rows, ",,,,,,,,,,,")
    rows, pairs = [], []
    for exam in range(3):
        left, right = f"20051020_4380{exam}_0100_PP.png", f"IM00000{exam}.jpg"
        pairs.append(f"{left};{right.replace('.jpg', '.JPG')}")
        for eye, image in enumerate((left, right)):
            grade = str(exam + eye)
            rows.append(f"{image},{grade},0,1")
            stored = image.replace(".jpg", ".JPG")
            group = f"messidor2-20051020_4380{exam}_0100_pp"
            want[f"messidor2/IMAGES/{stored}"] = (30 + 2 * exam + eye, grade, "messidor2", group)
    rows.append("20051020_55555_0100_PP.png,,,0")  # not gradable
    pairs.append("20051020_55555_0100_PP.png;20051020_55556_0100_PP.png")
    write(
        folder / "messidor2/messidor_data.csv",
        "image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable",
        *rows,
    )
    write(folder / "messidor2/messidor-2.csv", "left;right", *pairs)
    rows = []
    for number in (10, 13, 15):
        for eye, side in enumerate(("left", "right")):
            rows.append(f"{number}_{side},{eye * 4}")
            want[f"eyepacs/train/{number}_{side}.jpeg"] = (
                40 + number + eye,
                str(eye * 4),
                "eyepacs",
                f"eyepacs-{number}",
            )
    write(folder / "eyepacs/trainLabels.csv", "image,level", *rows)
    for name, (value, *_) in want.items():
        picture(folder / name, value)
    return want


def ham10000(folder: Path) -> dict[str, tuple[int, str, str, str]]:
    """With the column `dataset`, as on Dataverse; two images per lesion, in different parts."""
    kinds = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
    sources = ("vidir_modern", "rosendahl", "vidir_molemax", "vienna_dias")
    rows, want = [], {}
    for number in range(28):
        lesion, image = f"HAM_{number // 2:07d}", f"ISIC_{24306 + number:07d}"
        kind, source = kinds[number // 2 % 7], sources[number // 2 % 4]
        rows.append(f"{lesion},{image},{kind},histo,80.0,male,scalp,{source}")
        name = f"HAM10000_images_part_{1 + number % 2}/{image}.jpg"
        picture(folder / name, number, (600, 450))
        want[name] = (number, kind, source, lesion)
    write(folder / "HAM10000_metadata.csv", "lesion_id,image_id,dx,dx_type,age,sex,localization,dataset", *rows)
    return want


def isic2019(folder: Path) -> dict[str, tuple[int, str, str, str]]:
    """One-hot ground truth with nine columns; an image without a lesion id."""
    kinds = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
    lesions = {"HAM_0000118": "ham10000", "BCN_0003884": "bcn20000", "MSK4_0011169": "msk"}
    truth, metadata, want = [], [], {}
    for number in range(24):
        image = f"ISIC_{number:07d}"
        lesion = list(lesions)[number % 3][:-2] + f"{number:02d}"
        truth.append(f"{image}," + ",".join("1.0" if kind == number // 3 else "0.0" for kind in range(9)))
        metadata.append(f"{image},55.0,anterior torso,{lesion},female")
        name = f"ISIC_2019_Training_Input/{image}.jpg"
        want[name] = (number, kinds[number // 3].lower(), list(lesions.values())[number % 3], lesion)
        picture(folder / name, number)
    truth.append("ISIC_9999999_downsampled,0.0,1.0" + ",0.0" * 7)
    metadata.append("ISIC_9999999_downsampled,30.0,,,male")
    write(folder / "ISIC_2019_Training_GroundTruth.csv", "image," + ",".join(kinds), *truth)
    write(folder / "ISIC_2019_Training_Metadata.csv", "image,age_approx,anatom_site_general,lesion_id,sex", *metadata)
    return want


def cells(folder: Path) -> dict[str, tuple[int, str, str, str]]:
    """PBC with its eight kinds, Raabin-WBC's three parts, LISC with its mixed fields."""
    want: dict[str, tuple[int, str, str, str]] = {}
    kinds = ("basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil")
    value = 0

    def add(name: str, label: str, domain: str) -> None:
        nonlocal value
        value += 1
        picture(folder / name, value, (36, 36))
        if label:
            want[name] = (value, label, domain, name)

    for kind in kinds:
        add(f"pbc/PBC_dataset_normal_DIB/{kind}/{kind[:2].upper()}_100102.jpg", kind, "pbc")
        add(f"raabin/Train/{kind.title()}/20190527_162951_0_{value}.jpg", kind, "raabin")
        add(f"raabin/TestA/{kind.title()}/95-5-7-1_{value}.jpg", kind, "raabin")
        short = {
            "basophil": "Baso",
            "eosinophil": "eosi",
            "lymphocyte": "lymp",
            "monocyte": "mono",
            "neutrophil": "neut",
        }
        add(f"lisc/LISC Database/Main Dataset/{short[kind]}/1.bmp", kind, "lisc")
    for kind in ("Lymphocyte", "Neutrophil"):
        add(f"raabin/TestB/{kind}/20200125_{value}.jpg", kind.lower(), "raabin-test-b")
    for kind in ("erythroblast", "ig", "platelet"):
        add(f"pbc/PBC_dataset_normal_DIB/{kind}/{kind[:2].upper()}_1.jpg", "", "")
    add("lisc/LISC Database/Main Dataset/mixt/1.bmp", "", "")
    return want


def chest(folder: Path, rsna: bool = True) -> dict[str, tuple[int, str, str, str]]:
    """NIH, CheXpert (uncertain, unlabelled and lateral rows), PadChest (16 bit) and RSNA (DICOM), as distributed."""
    want: dict[str, tuple[int, str, str, str]] = {}
    label = ("no-pneumonia", "pneumonia")
    rows = []
    for number in range(6):
        image = f"{1 + number // 2:08d}_{number % 2:03d}.png"
        finding = ("No Finding", "Pneumonia|Effusion", "Cardiomegaly")[number % 3]
        rows.append(f"{image},{finding},{number % 2},{1 + number // 2},57,M,PA,2682,2749,0.143,0.143")
        picture(folder / "nih/images" / image, 10 + number, mode="L")
        want[f"nih/images/{image}"] = (10 + number, label[number % 3 == 1], "nih", f"nih-{1 + number // 2}")
    rows.append("00000009_000.png,No Finding,0,9,57,M,AP,2682,2749,0.143,0.143")
    head = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    write(
        folder / "nih/Data_Entry_2017_v2020.csv",
        head + "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]",
        *rows,
    )
    head = (
        "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity,"
        "Lung Lesion,Edema,Consolidation,Pneumonia,Atelectasis,Pneumothorax,Pleural Effusion,Pleural Other,"
        "Fracture,Support Devices"
    )
    rows = []
    # healthy, labelled ill, labelled not ill, uncertain, unlabelled; then a lateral and an AP view
    cases = [("1.0", "", 0), ("", "1.0", 1), ("", "0.0", 0), ("", "-1.0", None), ("", "", None)]
    for number, (healthy, ill, is_ill) in enumerate(cases):
        path = f"train/patient{number:05d}/study1/view1_frontal.jpg"
        rows.append(f"CheXpert-v1.0-small/{path},Female,68,Frontal,PA,{healthy},,,,,,,{ill},,,,,,1.0")
        picture(folder / "chexpert/CheXpert-v1.0-small" / path, 30 + number, mode="L")
        if is_ill is not None:
            name = f"chexpert/CheXpert-v1.0-small/{path}"
            want[name] = (30 + number, label[is_ill], "chexpert", f"chexpert-{number:05d}")
    rows.append("CheXpert-v1.0-small/train/patient00009/study1/view2_lateral.jpg,Male,8,Lateral,,1.0" + "," * 13)
    rows.append("CheXpert-v1.0-small/train/patient00009/study1/view1_frontal.jpg,Male,8,Frontal,AP,1.0" + "," * 13)
    write(folder / "chexpert/CheXpert-v1.0-small/train.csv", head, *rows)
    head = (
        ",ImageID,ImageDir,StudyDate_DICOM,StudyID,PatientID,PatientBirth,PatientSex_DICOM,ViewPosition_DICOM,Projection,"
        "MethodProjection,Pediatric,Modality_DICOM,Labels"
    )
    rows = []
    for number, finding in enumerate(("['normal']", "['pneumonia', 'infiltrates']", "['cardiomegaly']")):
        image, patient = f"2053668664013634823614867989145588646{number}_k6ga29.png", f"83986048869429433163{number}"
        study = f"{number},{image},0,20140915,2053,{patient},1930.0,F,POSTEROANTERIOR,PA,Manual,No,CR"
        rows.append(f'{study},"{finding}"')
        picture(folder / "padchest/images" / image, 50 + number, mode="I;16")
        want[f"padchest/images/{image}"] = (50 + number, label[number == 1], "padchest", f"padchest-{patient}")
    write(folder / "padchest/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", head, *rows)
    if rsna:
        want |= _rsna(folder)
    return want


def _rsna(folder: Path) -> dict[str, tuple[int, str, str, str]]:
    """RSNA with ids of the challenge, because TorchXRayVision supplies the view of each."""
    import pandas as pd
    import torchxrayvision

    headers = Path(torchxrayvision.__file__).parent / "data/kaggle_stage_2_train_images_dicom_headers.csv.gz"
    known = pd.read_csv(headers)
    ids = known.loc[known["ViewPosition"] == "PA", "PatientID"].iloc[:4].tolist()
    rows, pairs, want = [], [], {}
    for number, name in enumerate(ids):
        ill = number % 2
        rows.append(f"{name},{'264.0,152.0,213.0,379.0' if ill else ',,,'},{ill}")
        if number == 1:
            rows.append(f"{name},562.0,152.0,256.0,453.0,1")  # a second box of the same image
        dicom(folder / f"rsna/stage_2_train_images/{name}.dcm", 70 + number)
        pairs.append({"img_id": f"{1 + number:08d}_00{number}.png", "subset_img_id": name})
        path = f"rsna/stage_2_train_images/{name}.dcm"
        want[path] = (70 + number, ("no-pneumonia", "pneumonia")[ill], "rsna", f"nih-{1 + number}")
    write(folder / "rsna/stage_2_train_labels.csv", "patientId,x,y,width,height,Target", *rows)
    write(folder / "rsna/pneumonia-challenge-dataset-mappings_2018.json", json.dumps(pairs))
    return want


def dicom(path: Path, value: int) -> None:
    """Write an 8-bit DICOM image."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    made = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, meta.MediaStorageSOPInstanceUID
    made.Rows, made.Columns, made.SamplesPerPixel, made.PixelRepresentation = 32, 40, 1, 0
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PhotometricInterpretation = 8, 8, 7, "MONOCHROME2"
    made.PixelData = bytes([value]) * (32 * 40)
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)


LAYOUTS: dict[str, Callable[[Path], dict[str, tuple[int, str, str, str]]]] = {
    "camelyon17": camelyon17,
    "ham10000": ham10000,
    "isic2019": isic2019,
    "wbc": cells,
}
