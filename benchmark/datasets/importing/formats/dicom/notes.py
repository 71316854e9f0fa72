"""What a user should know of a set of DICOM files, from their headers alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import median

from ...notes import GraveNote, ValueNote
from .header import ISSUED, DicomHeader, with_one_issuer

SLICED = ("CT", "MR", "PT", "NM")  # modalities whose series are the slices of a volume
IDENTITY = (1.0, 0.0)
STAND_INS = (
    *("anonymous", "anonymized", "anonymised", "anonym", "anon", "deidentified", "deid", "removed", "redacted"),
    *("unknown", "none", "null", "na", "nan", "noid", "patient", "patientid", "test", "xxx", "xxxx"),
)
LONGEST_UNPADDED = 3  # digits of the numbers of patients that are counted from 0
MOST_TIMES = 2  # the images of another patient, that one with the number 0 may have
WAY = "if they are several, name the patient with --group-pattern or in a manifest"


def header_notes(heads: Sequence[DicomHeader], domains: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Return the notes on what values mean, on series, mosaics and classes.

    Args:
        heads: One per file.
        domains: Domain of each file; empty where not known.
        classes: Name of the folder that became the label of each file; empty if labels come from elsewhere.
    """
    return [
        *_rescaling(heads, domains),
        *_intents(heads, domains),
        *_contradictions(heads),
        *_series(heads),
        *_mosaics(heads),
        *_distorted(heads),
        *_patients(heads, classes),
    ]


def stand_ins(heads: Sequence[DicomHeader]) -> list[GraveNote]:
    """Tell of patient ids that seem to stand for several patients, who count as one, or as one per issuer.

    Args:
        heads: One per file; their patients become the groups.
    """
    groups = Counter(with_one_issuer([of.patient for of in heads if not of.anonymous]))
    of_id: dict[str, list[int]] = defaultdict(list)  # images of each issuer's patient
    for patient, count in groups.items():
        of_id[patient.partition(ISSUED)[0]].append(count)
    found = [known for known in of_id if max(of_id[known]) > 1 and _is_stand_in(known, of_id)]
    if not found and len(groups) == 1 and len(heads) > 1 and not any(of.anonymous for of in heads):
        return [GraveNote(f"all {len(heads):,} images have the same patient id, and count as one patient: {WAY}")]
    return [_told(known, of_id[known]) for known in found]


def _told(known: str, counts: Sequence[int]) -> GraveNote:
    images = f"{sum(counts):,} images have the patient id `{known}`"
    if len(counts) == 1:
        return GraveNote(f"{images}, and count as one patient: {WAY}")
    return GraveNote(
        f"{images}, and count as {len(counts):,} patients, one per issuer: {WAY.replace('several', 'more')}"
    )


def _is_stand_in(known: str, counts: Mapping[str, Sequence[int]]) -> bool:
    """Tell whether an id is a word for none, or of zeros only where patients are not numbered from zero.

    Args:
        known: The id.
        counts: Images of each patient with it, and with each other id.
    """
    word = _plain(known)
    if word in STAND_INS or not word:
        return True
    if word.strip("0"):
        return False
    others = [name for name in counts if _plain(name).strip("0")]
    longest = LONGEST_UNPADDED if word == "0" else len(word)
    numbers = [name for name in others if _plain(name).isdecimal() and len(word) <= len(_plain(name)) <= longest]
    usual = median(count for name in numbers for count in counts[name]) if numbers else 0
    return 2 * len(numbers) <= len(others) or max(counts[known]) > MOST_TIMES * usual


def _plain(known: str) -> str:
    return "".join(letter for letter in known.casefold() if letter.isalnum())


def _rescaling(heads: Sequence[DicomHeader], domains: Sequence[str]) -> list[str]:
    """Tell where some CT images are rescaled to Hounsfield units and others are not."""
    found: dict[str, Counter[tuple[float, float]]] = defaultdict(Counter)
    for of, domain in zip(heads, domains, strict=True):
        if of.tags.get("Modality") == "CT":
            found[domain][of.rescaling] += 1
    values = {value for counts in found.values() for value in counts}
    if IDENTITY not in values or len(values) == 1:
        return []
    each = []
    for domain in sorted(found):
        counts = found[domain].most_common()
        said = ", ".join(_said(value) + (f" ({count:,})" if len(counts) > 1 else "") for value, count in counts)
        each.append(f"{domain} {said}".strip())
    told = f"rescaling of CT differs: {'; '.join(each)}: are all of them Hounsfield units?"
    return [ValueNote(f"{told} (--window image ignores units)")]


def _said(value: tuple[float, float]) -> str:
    return "none" if value == IDENTITY else f"slope {value[0]:g} intercept {value[1]:g}"


def _intents(heads: Sequence[DicomHeader], domains: Sequence[str]) -> list[str]:
    """Tell where some images are meant for the eye and others are raw: their grey levels differ in kind."""
    counts = Counter((domain, of.intent) for of, domain in zip(heads, domains, strict=True) if of.intent)
    if len({intent for _, intent in counts}) < 2:
        return []
    each = ", ".join(f"{domain} {intent} ({count:,})".strip() for (domain, intent), count in sorted(counts.items()))
    return [ValueNote(f"some images are raw, others processed: {each}")]


def _contradictions(heads: Sequence[DicomHeader]) -> list[str]:
    count = sum(of.contradicts for of in heads)
    said = "PhotometricInterpretation and PresentationLUTShape contradict each other, the former is used"
    return [f"{said}: {_of(count, heads)}"] if count else []


def _of(count: int, heads: Sequence[DicomHeader]) -> str:
    return f"{count:,} of {len(heads):,} files" if count < len(heads) else "all files"


def _series(heads: Sequence[DicomHeader]) -> list[str]:
    """Tell where files are the slices of volumes."""
    sizes = Counter(of.series for of in heads if of.series and of.frames == 1 and of.tags.get("Modality") in SLICED)
    several = [size for size in sizes.values() if size > 1]
    if not several:
        return []
    count = f"{len(several):,} series" if len(several) > 1 else "one series"
    return [f"{sum(several):,} files are slices of {count}: each slice is an image"]


def _mosaics(heads: Sequence[DicomHeader]) -> list[str]:
    count = sum(of.mosaic for of in heads)
    return [f"mosaics, which show the slices of a volume side by side: {_of(count, heads)}"] if count else []


def _distorted(heads: Sequence[DicomHeader]) -> list[str]:
    """Tell where pixels are not square, of which some sites make more than others."""
    found = [of.aspect for of in heads if of.aspect != 1]
    if not found:
        return []
    ratio = f"height to width {found[0]:.3g}" + (" and others" if len(set(found)) > 1 else "")
    return [f"pixels that are not square ({ratio}) are resampled to squares: {_of(len(found), heads)}"]


def _patients(heads: Sequence[DicomHeader], classes: Sequence[str]) -> list[str]:
    """Tell where every folder that became a class holds the images of one patient, and of no other folder."""
    pairs = {(name, of.patient) for name, of in zip(classes, heads, strict=True) if name and not of.anonymous}
    folders, people = {name for name, _ in pairs}, {patient for _, patient in pairs}
    if len(folders) < 3 or not len(pairs) == len(folders) == len(people) == len(set(classes)):
        return []
    told = f"each of the {len(folders):,} folders that name a class holds one patient: are they classes?"
    return [GraveNote(f"{told} Otherwise the class comes from --label-column, the keyword of a DICOM tag")]
