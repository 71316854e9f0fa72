"""The simulated default data set: the physics against hand-computed values, the anatomy, and the bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from medshift.benchmark.datasets import brain_mri_sim
from medshift.benchmark.datasets.brain_mri_sim import anatomy, build, load, processes, scanner, sites, tissue

TINY = "88e103df2690b9774572d3c95cb365742f4b7cc68442e587015cb17412dbcf38"  # of two patients a site
WHOLE = "0561cbf0cf5a6617ef98bb515cd8f99e1e12ff82304efd2f3abda4752a42d2ea"

NYU = sites.scanner("nyu")
STANFORD = sites.scanner("stanford")


@pytest.fixture(scope="module")
def tiny() -> tuple[pd.DataFrame, np.ndarray]:
    return build.build(patients=2)


@pytest.fixture(scope="module")
def healthy() -> np.ndarray:
    """Tissue shares of four patients' slices, (4, 6, 1, 6, rows, columns)."""
    names = [f"test-p{number}" for number in range(4)]
    heights = np.stack([build.slice_heights(build.address(name, "heights")) for name in names])
    return build.virtual_patients(names, heights, np.zeros(1))


def test_the_table_is_complete_and_labels_agree_with_lesions(tiny):
    table, pixels = tiny
    assert len(table) == len(pixels) == 4 * 2 * build.SLICES * 2
    assert pixels.shape[1:] == (1, build.PATCH, build.PATCH)
    assert pixels.dtype == np.uint16
    assert table["sample_id"].is_unique
    assert table["sample_id"].is_monotonic_increasing
    assert set(table["domain"]) == {row.site for row in sites.SCANNERS}
    assert (table.groupby("group")["domain"].nunique() == 1).all()  # one patient, one site
    assert (table.groupby(table["sample_id"].str[:-2])["label"].apply(sorted).map(tuple) == (0, 1)).all()
    lesions = [name for name in table if name.startswith("lesion_")]
    assert table.loc[table["label"] == 1, lesions].notna().all(axis=None)
    assert table.loc[table["label"] == 0, lesions].isna().all(axis=None)
    inside = table.loc[table["label"] == 1, ["lesion_row", "lesion_col"]]
    reach = build.RADIUS_MM[1]
    assert inside.min(axis=None) - reach >= 8
    assert inside.max(axis=None) + reach <= build.PATCH - 1 - 8


def test_neither_letter_nor_place_tells_the_label():
    letters, places = [], []
    shares = np.zeros((6, *anatomy.SHAPE[1:]), dtype=np.float32)
    shares[0] = 1.0
    for number in range(400):
        site = build.place(shares, build.address("place-test", number))
        letters.append(site.name_of_first == "a")
        places.append(site.corners)
        centre = site.centre[1:]
        assert (np.abs(centre - site.corners[1] - 31.5) > 32 + 4).any()  # the other patch does not show the lesion
    assert 0.4 < np.mean(letters) < 0.6
    with_lesion, without = np.moveaxis(np.array(places), 1, 0)
    assert np.abs(with_lesion.mean(0) - without.mean(0)).max() < 4 * with_lesion.std() / np.sqrt(200)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="other processors may differ")
def test_the_pixels_are_those_of_this_version(tiny):
    """Other pixels are another data set: raise its version."""
    assert hashlib.sha256(tiny[1].tobytes()).hexdigest() == TINY


@pytest.mark.slow
def test_the_whole_data_set_is_that_of_this_version():
    assert hashlib.sha256(build.build()[1].tobytes()).hexdigest() == WHOLE


@pytest.mark.parametrize(("threads", "block"), [(1, 2), (2, 1)])
def test_same_bytes_again_in_other_blocks_and_on_other_thread_counts(threads, block, tiny, monkeypatch):
    table, pixels = tiny
    before = torch.get_num_threads()
    monkeypatch.setattr(build, "BLOCK", block)
    try:
        torch.set_num_threads(threads)
        again, same = build.build(patients=2)
    finally:
        torch.set_num_threads(before)
    assert same.tobytes() == pixels.tobytes()
    pd.testing.assert_frame_equal(again, table, check_exact=True)


def test_same_bytes_from_several_processes(tiny):
    told = []
    table, pixels = build.build(patients=2, processes=2, progress=lambda *where: told.append(where))
    assert pixels.tobytes() == tiny[1].tobytes()
    pd.testing.assert_frame_equal(table, tiny[0], check_exact=True)
    assert told == [(done, 8) for done in range(9)]


def test_as_many_processes_as_there_are_cores_and_memory_for(monkeypatch):
    free = {"bytes": None}
    monkeypatch.setattr(processes, "cores", lambda: 3)
    monkeypatch.setattr(processes, "available", lambda: free["bytes"])
    found = {}
    for free["bytes"] in (None, 0, processes.MEMORY * 2):
        found[free["bytes"]] = processes.suited()
    assert list(found.values()) == [3, 1, 2]
    monkeypatch.setattr(processes, "cores", lambda: 64)
    free["bytes"] = None
    assert processes.suited() == processes.MOST


def test_the_small_set_is_the_first_patients_of_the_whole_one(tiny, home, monkeypatch):
    monkeypatch.setattr(brain_mri_sim, "SMALL_PATIENTS", {"nyu": 2, "caltech": 1, "stanford": 1, "portable": 1})
    monkeypatch.setattr(processes, "suited", lambda: 1)
    small = load.load_small()
    kept = tiny[0]["group"].isin({"nyu-p000", "nyu-p001", "caltech-p000", "stanford-p000", "portable-p000"})
    assert (small.name, small.version, small.simulated) == ("brain-mri-sim-small", "2", True)
    pd.testing.assert_frame_equal(small.table, tiny[0][kept].reset_index(drop=True))
    assert np.array_equal(small.pixels, tiny[1][kept])
    assert "2 of nyu, 1 of caltech" in small.notes[-1]
    monkeypatch.setattr(build, "build", None)  # made once
    assert len(load.load_small().table) == kept.sum()


ELSEWHERE = """
import hashlib, sys, torch
from medshift.benchmark.datasets.brain_mri_sim import build
torch.set_num_threads(int(sys.argv[1]))
build.BLOCK = int(sys.argv[2])
table, pixels = build.build(patients=int(sys.argv[3]))
print(*(hashlib.sha256(part).hexdigest() for part in (pixels.tobytes(), table.to_csv().encode())))
"""


def comes_out_elsewhere(tiny, settings: dict[str, str], threads: int, block: int, patients: int) -> bool:
    """Whether a process with these settings makes the same pixels and table of the first patients of each site."""
    first = tiny[0]["group"].str[-4:] < f"p{patients:03d}"
    table, pixels = tiny[0][first].reset_index(drop=True), tiny[1][first]
    assert len(table) == 4 * patients * build.SLICES * 2
    words = [sys.executable, "-W", "ignore", "-c", ELSEWHERE, str(threads), str(block), str(patients)]
    done = subprocess.run(words, env=os.environ | settings, check=True, capture_output=True, text=True)
    expected = [hashlib.sha256(part).hexdigest() for part in (pixels.tobytes(), table.to_csv().encode())]
    return done.stdout.split() == expected


def test_same_bytes_with_the_least_instructions_of_an_x86_processor(tiny, instruction_sets):
    assert comes_out_elsewhere(tiny, instruction_sets["least"], threads=2, block=1, patients=1)


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 8])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("instructions", ["all", "avx2", "least"])
def test_same_bytes_whatever_the_machine_does(instructions, threads, block, tiny, busy_cores, instruction_sets):
    assert comes_out_elsewhere(tiny, instruction_sets[instructions], threads, block, patients=2)


def test_progress_counts_patients():
    seen = []
    build.build(
        progress=lambda done, total: seen.append((done, total)),
        patients={"nyu": 1, "portable": 1} | dict.fromkeys(("caltech", "stanford"), 0),
    )
    assert seen == [(0, 2), (1, 2), (2, 2)]  # a sign of life before the first block, which takes longest


def test_deformations_are_diffeomorphic():
    fields = np.stack([anatomy.velocity(build.address("jacobian", number)) for number in range(20)])
    assert np.allclose(np.sqrt(np.mean(np.sum(fields**2, axis=1), axis=(1, 2, 3))), anatomy.DISPLACEMENT_MM, rtol=1e-5)
    moved = anatomy.integrate(torch.from_numpy(fields)).numpy()
    slopes = np.stack(np.gradient(moved, anatomy.SPACING_MM, axis=(2, 3, 4)), axis=-1)  # (P, 3, *GRID, 3)
    jacobian = np.linalg.det(np.moveaxis(slopes, 1, -2) + np.eye(3))
    assert jacobian.min() > 0
    assert jacobian.std() > 0.05  # and they do something


def test_tissue_shares_sum_to_one_inside_the_head(healthy):
    total = healthy.sum(axis=3)
    assert healthy.min() >= -1e-6
    assert total.max() <= 1 + 1e-5
    assert np.abs(total[..., 100:140, 80:120] - 1).max() < 1e-5
    assert np.abs(total[..., :3, :3]).max() < 1e-6  # air


def test_patients_differ(healthy):
    white = healthy[:, 0, 0, 0]
    assert np.abs(white[0] - white[1]).mean() > 0.03


@pytest.mark.parametrize(
    ("row", "t1", "t2_star", "pd_", "expected"),
    [
        # sin 7 * .7 * (1 - 2 e^(-1100/850) / (1 + e^(-2530/850))) * e^(-3.25/48)
        (NYU, 850.0, 48.0, 0.7, 0.121869 * 0.7 * (1 - 2 * 0.274130 / 1.050969) * 0.934530),
        # sin 15 * .82 * (1 - e) / (1 - cos 15 e) * e^(-1.8/55), e = e^(-8.4/1500)
        (STANFORD, 1500.0, 55.0, 0.82, 0.258819 * 0.82 * 0.00558435 / (1 - 0.965926 * 0.99441565) * 0.967803),
    ],
)
def test_signal_equations_against_hand_computed_values(row, t1, t2_star, pd_, expected):
    assert scanner.signal(np.array([t1, t2_star, pd_], dtype=np.float32), row) == pytest.approx(expected, rel=2e-4)


def test_mprage_nulls_a_tissue_whose_t1_is_the_inversion_time_over_log_two():
    row = dataclasses.replace(NYU, tr_ms=1e6)
    null = np.array([row.ti_ms / np.log(2), 50.0, 1.0], dtype=np.float32)
    assert abs(scanner.signal(null, row)) < 1e-6


@pytest.mark.parametrize("site", [row.site for row in sites.SCANNERS])
def test_white_matter_is_brighter_than_grey_than_fluid_and_the_lesion_is_darker_than_white(site):
    row = sites.scanner(site)
    value = dict(zip(tissue.TISSUES, np.abs(scanner.signal(tissue.parameters(row.field_t), row)), strict=True))
    assert value["white"] > value["deep grey"] > value["grey"] > value["csf"]
    assert value["white"] > value["lesion"] > value["csf"]


def test_images_keep_the_order_of_tissues(healthy):
    fractions = np.concatenate([healthy[:1], np.zeros_like(healthy[:1, :, :, :1])], axis=3)
    for row in sites.SCANNERS:
        table = tissue.parameters(row.field_t)[None]
        lesions = np.repeat(table[:, None, -1], build.SLICES, axis=1)
        z = np.zeros((1, build.SLICES), dtype=np.float32)
        images = scanner.acquire(fractions, table, lesions, row, z, [build.address("order", row.site)])
        assert images.min() >= 0
        assert images.max() <= 1
        white, grey, csf = (images[fractions[:, :, 0, index] > 0.9].mean() for index in (0, 1, 3))
        assert white > 1.1 * grey > 1.1 * csf


@pytest.mark.parametrize("voxel_mm", [1.5, 2.0, 4.0])
def test_truncated_k_space_spreads_a_point_as_a_sinc(voxel_mm):
    row = dataclasses.replace(NYU, voxel_mm=(voxel_mm, 0.5), apodisation_mm=0.0, snr=1e9)
    point = np.zeros((1, 240, 200), dtype=np.float32)
    point[0, 120, 100] = 1.0
    image = scanner.receive(point, row, np.zeros((1, 2, 240, 200), dtype=np.float32), np.ones(1, dtype=np.float32))[0]
    away = np.arange(240) - 120.0
    assert image[:, 100] == pytest.approx(np.abs(np.sinc(away / voxel_mm)) / voxel_mm, abs=0.012)
    assert np.abs(np.delete(image, 100, axis=1)).max() < 1e-6  # the other axis is sampled finer than the grid


def test_apodisation_spreads_a_point_as_a_gaussian_of_that_width():
    spread = np.fft.fftshift(np.fft.ifft(scanner.sampling_window(240, 0.5, 4.0)).real)
    half = np.interp([118.0, 122.0], np.arange(240), spread / spread.max())
    assert half == pytest.approx([0.5, 0.5], abs=0.01)


@pytest.mark.parametrize("site", ["nyu", "stanford"])
def test_noise_is_rician_at_the_table_s_snr(site):
    row = sites.scanner(site)
    noise = build.address("rician").standard_normal((4, 2, 240, 200), dtype=np.float32)
    level = np.full(4, 0.3, dtype=np.float32)
    air = scanner.receive(np.zeros((4, 240, 200), dtype=np.float32), row, noise, level)
    white = scanner.receive(np.full((4, 240, 200), 0.3, dtype=np.float32), row, noise, level)
    sigma = 0.3 / row.snr
    assert white.std() == pytest.approx(sigma, rel=0.03)
    assert air.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.03)  # Rayleigh
    assert air.std() == pytest.approx(sigma * np.sqrt(2 - np.pi / 2), rel=0.03)


def test_coil_has_the_stated_non_uniformity():
    z = np.linspace(-0.2, 0.2, 12, dtype=np.float32).reshape(3, 4)
    coefficients = build.address("coil").standard_normal((3, 9), dtype=np.float32)
    field = scanner.coil_sensitivity(coefficients, z, (240, 200), 0.4)
    row, col = np.meshgrid(np.linspace(-1, 1, 240), np.linspace(-1, 1, 200), indexing="ij")
    low, middle, high = np.percentile(field[..., row**2 + col**2 < 0.64], (5, 50, 95), axis=(1, 2))
    assert (high - low) / middle == pytest.approx(0.4, rel=0.15)


def test_slices_average_over_their_thickness():
    assert scanner.sub_slices(1.0).tolist() == [0.0]
    thick = scanner.sub_slices(5.0)
    assert thick.tolist() == [-1.875, -0.625, 0.625, 1.875]


def test_export_leaves_no_trace_of_the_receiver_s_gain():
    exam = build.address("gain").uniform(0.1, 1.0, (2, 3, 40, 40)).astype(np.float32)
    assert scanner.export(exam) == pytest.approx(scanner.export(exam * np.float32(7.5)), abs=1e-6)


def test_the_slice_without_room_is_refused():
    shares = np.zeros((6, *anatomy.SHAPE[1:]), dtype=np.float32)
    shares[0, 110:130, 90:110] = 1.0
    with pytest.raises(RuntimeError, match="no room for two patches"):
        build.place(shares, build.address("no-room"))
