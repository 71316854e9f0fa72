"""Files of predictions: same bytes for same content, matched by id, refused with all reasons."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medshift.benchmark.submissions import predictions
from medshift.benchmark.submissions.expected import Expected
from medshift.shifts.errors import MedshiftError


@pytest.fixture
def made(fabricate, tmp_path):
    rows = fabricate.table(groups=5)
    protocol = fabricate.terms(rows)
    arrays = fabricate.outputs(protocol, rows)
    path = tmp_path / "predictions.parquet"
    predictions.write(fabricate.parts(protocol, rows, arrays), path)
    return path, protocol, rows, arrays


def test_what_is_written_is_read_in_the_order_of_the_truth(made):
    path, protocol, rows, arrays = made
    read = predictions.read(path, protocol, rows)
    assert list(read) == [c.key for c in protocol.conditions()]
    for key, array in arrays.items():
        assert (read[key] == array).all()
        assert read[key].dtype == np.float32


def test_rows_that_are_looked_up_once_serve_many_files(made, tmp_path):
    path, protocol, rows, arrays = made
    expected = Expected.of(protocol, rows)
    assert expected.rows == len(pq.read_table(path))
    for key, places in expected.places.items():
        assert len(places) == len(arrays[key])
    (validation,) = (c for c in protocol.conditions() if c.kind == "validation")
    ids = expected.samples[expected.places[validation.key]]
    wanted = rows[(rows["domain"] == validation.domain) & (rows["split"] == validation.split)]
    assert list(ids) == sorted(wanted["sample_id"])
    for _ in range(2):
        read = predictions.inspect(path, protocol, expected)
        assert not read.problems
        assert all((read.arrays[key] == array).all() for key, array in arrays.items())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_changes_no_byte(fabricate, tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    rows = fabricate.table(groups=3)
    protocol = fabricate.terms(rows)
    parts = fabricate.parts(protocol, rows, fabricate.outputs(protocol, rows))
    folder = tmp_path_factory.mktemp("order")
    predictions.write(parts, folder / "a")
    keys = list(parts)
    rng.shuffle(keys)
    mixed = {}
    for key in keys:
        order = rng.permutation(len(parts[key][0]))
        mixed[key] = ([parts[key][0][i] for i in order], parts[key][1][order])
    predictions.write(mixed, folder / "b")
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def rewrite(path, change):
    """Apply a change to the table of a file."""
    frame = pq.read_table(path).to_pandas()
    frame = change(frame)
    columns = {
        name: pa.array(frame[name].to_numpy(np.float32))  # a NaN stays a NaN
        if name in ("p0", "p1")
        else pa.array(frame[name], pa.string(), from_pandas=True)
        for name in frame.columns
    }
    pq.write_table(pa.table(columns), path)


def put(column, row, value):
    def change(frame):
        frame.loc[row, column] = value
        return frame

    return change


HARMS = {
    "nan": (put("p0", 3, np.nan), "1 row are not finite"),
    "inf": (put("p1", 3, np.inf), "1 row are not finite"),
    "negative": (put("p0", 3, -0.1), "are outside [0, 1]"),
    "above one": (put("p0", 3, 1.5), "are outside [0, 1]"),
    "sum": (put("p0", 3, 0.0), "do not sum to 1"),
    "unknown condition": (
        put("condition", 3, "site-a/gama@1"),
        "unknown condition, e.g. 'site-a/gama@1'. Did you mean",
    ),
    "unknown sample": (put("sample_id", 3, "../../etc/passwd"), "unknown sample id, e.g. '../../etc/passwd'"),
    "empty cell": (put("sample_id", 3, None), "sample_id has empty cells"),
    "missing row": (lambda f: f.drop(index=3), "lacks 1 sample,"),
    "missing condition": (lambda f: f[f["condition"] != "site-b"], "condition 'site-b' is missing"),
    "no rows": (lambda f: f.head(0), "is missing"),
    "repeated row": (lambda f: f.assign(sample_id=f["sample_id"].where(f.index != 3, f["sample_id"][4])), "repeats 1"),
    "one row more": (lambda f: f.loc[[*f.index, 3]], "the protocol requires"),
    "sample of another split": (
        lambda f: f.assign(sample_id=f["sample_id"].mask(f.index == 3, "site-a/train/0000.png")),
        "must not contain 1 sample,",
    ),
    "a column more": (lambda f: f.assign(patient="x"), "has columns condition, sample_id, p0, p1, patient"),
    "a class less": (lambda f: f.drop(columns="p1"), "has columns"),
    "columns in another order": (lambda f: f[["condition", "sample_id", "p1", "p0"]], "has columns"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_file_is_refused_with_its_reason(made, harm):
    path, protocol, rows, _ = made
    change, says = HARMS[harm]
    rewrite(path, change)
    found = predictions.problems(path, protocol, rows)
    assert any(says in problem for problem in found), found
    with pytest.raises(MedshiftError, match=r"predictions\.parquet"):
        predictions.read(path, protocol, rows)


def test_all_reasons_are_told_at_once(made):
    path, protocol, rows, _ = made
    rewrite(path, lambda f: put("p0", 3, np.nan)(put("p0", 5, -1)(f[f["condition"] != "site-c"])))
    found = predictions.problems(path, protocol, rows)
    assert len(found) == 3
    with pytest.raises(MedshiftError, match=r"\(and 2 more\)"):
        predictions.read(path, protocol, rows)


def test_an_empty_probability_is_refused(made):
    path, protocol, rows, _ = made
    table = pq.read_table(path)
    holes = pa.array([None, *table["p0"].to_pylist()[1:]], pa.float32())
    pq.write_table(table.set_column(2, "p0", holes), path)
    assert predictions.problems(path, protocol, rows) == ["column p0 has empty cells"]


@pytest.mark.parametrize("kind", [pa.float64(), pa.float16(), pa.string()])
def test_other_types_are_refused(made, kind):
    path, protocol, rows, _ = made
    table = pq.read_table(path)
    pq.write_table(table.set_column(2, "p0", table["p0"].cast(kind)), path)
    assert any("column p0 is" in problem for problem in predictions.problems(path, protocol, rows))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" * 100, b"\x00" * 4096])
def test_what_is_no_parquet_is_refused(made, content):
    path, protocol, rows, _ = made
    path.write_bytes(content)
    assert "cannot be read as Parquet" in predictions.problems(path, protocol, rows)[0]


def test_a_truncated_file_is_refused(made):
    path, protocol, rows, _ = made
    path.write_bytes(path.read_bytes()[:-50])
    assert "cannot be read as Parquet" in predictions.problems(path, protocol, rows)[0]


def test_flipped_bytes_never_get_through_as_other_keys_or_crash(made):
    path, protocol, rows, _ = made
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for turn in range(200):  # every other time in the footer, which can crash a reader
        harmed = bytearray(whole)
        for place in rng.integers(turn % 2 * footer, len(whole), 3):
            harmed[place] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(harmed))
        predictions.problems(path, protocol, rows)


def test_a_million_rows_are_refused_before_they_are_read(made):
    path, protocol, rows, _ = made
    many = pa.table({"condition": pa.array(["site-a"] * 10**6), "sample_id": pa.array(["x"] * 10**6)})
    one = pa.array(np.full(10**6, 0.5, np.float32))
    pq.write_table(many.append_column("p0", one).append_column("p1", one), path)
    assert "has 1000000 rows" in predictions.problems(path, protocol, rows)[0]


def test_a_bomb_of_long_strings_is_refused_before_it_is_unpacked(made):
    path, protocol, rows, _ = made
    table = pq.read_table(path)
    bomb = pa.array([chr(65 + i % 26) * 100_000 + str(i) for i in range(len(table))])
    pq.write_table(table.set_column(1, "sample_id", bomb), path, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < 10**6
    assert "of memory to read; refused" in predictions.problems(path, protocol, rows)[0]


def test_parts_that_do_not_fit_are_not_written(tmp_path):
    with pytest.raises(MedshiftError, match="do not match in shape"):
        predictions.write({"a": (["x"], np.zeros((2, 2), np.float32))}, tmp_path / "p")
    with pytest.raises(MedshiftError, match="do not match in shape"):
        predictions.write({}, tmp_path / "p")
    assert not list(tmp_path.iterdir())
