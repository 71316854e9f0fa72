"""Cards are closed and finite; a damaged one ends in one line."""

import json

import pytest

from medshift.benchmark.submissions import card, fields
from medshift.shifts.errors import MedshiftError


@pytest.fixture
def folder(fabricate, tmp_path):
    return fabricate.submission(*fabricate.contest(tmp_path))


def edit(folder, change):
    path = folder / card.CARD_FILE
    fields = json.loads(path.read_text())
    change(fields)
    path.write_text(json.dumps(fields))


def test_a_card_comes_back_as_it_was_written(folder):
    before = (folder / card.CARD_FILE).read_bytes()
    card.write(card.read(folder), folder)
    assert (folder / card.CARD_FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.update(schema="medshift-card/9"), "schema: Input should be 'medshift-card/1'"),
        (lambda c: c.update(extra=1), "extra: Extra inputs are not permitted"),
        (lambda c: c.pop("seed"), "seed: Field required"),
        (lambda c: c.update(seed="0"), "seed"),
        (lambda c: c.update(seed=10**30), "seed"),
        (lambda c: c.update(submitter="x" * 401), "submitter: String should have at most 400"),
        (lambda c: c["baseline"].update(sees="everything"), "baseline.sees: Input should be 'source'"),
        (lambda c: c["baseline"].update(name="<script>"), "baseline.name"),
        (lambda c: c.update(entry="../../etc"), "entry"),
        (lambda c: c.update(entry="x\n| 1 | evil"), "entry"),
        (lambda c: c["baseline"]["config"].update(lr=float("nan")), "baseline.config.lr"),
        (lambda c: c["baseline"]["config"].update(deep=[1]), "baseline.config.deep"),
        (lambda c: c["scores"][0].update(value=float("inf")), "scores.0.value"),
        (lambda c: c["predictions"].update(file="../../other.parquet"), "predictions.file"),
        (lambda c: c["predictions"].update(sha256="0" * 63), "predictions.sha256"),
    ],
)
def test_an_edited_card_is_refused_in_one_line(folder, change, says):
    edit(folder, change)
    with pytest.raises(MedshiftError) as error:
        card.read(folder)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b"[]", b"\xff\xfe\x00", b"[" * 100_000, b'{"seed": 1' + b"0" * 5000 + b"}"]
)
def test_what_is_no_card_at_all_is_refused(folder, content):
    (folder / card.CARD_FILE).write_bytes(content)
    with pytest.raises(MedshiftError):
        card.read(folder)


def test_a_missing_and_a_huge_card_are_refused(folder):
    (folder / card.CARD_FILE).write_bytes(b" " * (card.LARGEST_CARD + 1))
    with pytest.raises(MedshiftError, match="larger than 4 MiB"):
        card.read(folder)
    (folder / card.CARD_FILE).unlink()
    with pytest.raises(MedshiftError, match="cannot be read: No such file"):
        card.read(folder)


def test_names_of_entries_are_folder_names_and_tell_settings_apart():
    assert fields.entry_name("scratch", {}) == "scratch"
    assert fields.entry_name("a", {"lr": 0.001, "b": True}) == "a+b=True+lr=0.001"
    one, other = (fields.entry_name("a", {"weights": path}) for path in ("/x/y", "/x-y"))
    assert one != other
    assert "/" not in one
    long = fields.entry_name("a", {"note": "n" * 500})
    assert len(long) <= 120
    assert long != fields.entry_name("a", {"note": "n" * 501})


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("environment", "device", "cuda; run again by the maintainers: same bytes"),
        ("environment", "device", "cpu\u202e"),
        ("code", "version", "0.1.0; run again by the maintainers: same bytes"),
        ("code", "commit", "verified by us: same bytes"),
        ("timings", "fit_s", 1e308),
        ("baseline", "config", {f"k{number}": "x" * 1900 for number in range(20)}),
    ],
)
def test_no_field_says_more_than_it_is_for(folder, section, name, value):
    path = folder / card.CARD_FILE
    fields = json.loads(path.read_text())
    fields[section][name] = value
    path.write_text(json.dumps(fields))
    found = card.parse(path)
    assert isinstance(found, list)
    assert found[0].startswith(f"{section}.{name}: ") or f"{section}: hyper-parameters have more" in found[0]
