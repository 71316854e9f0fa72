"""Products along an axis are exact, so that batch, threads and kernel change no bit."""

import pytest
import torch

from medshift.shifts.families.kspace import _late_lines
from medshift.shifts.numerics.matrices import along, binning, exact, gaussian, magnification, truncation, unit_noise

FINE = 2**24


@pytest.fixture(autouse=True)
def threads_restored():
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def matrices(n):
    return (gaussian(n, 1.4), truncation(n, 0.45), binning(n, 2.8), unit_noise(n, 1.5), magnification(n, 0.88))


@pytest.mark.parametrize("n", [8, 16, 28, 64])
def test_no_zero_is_negative(n):
    found = [*matrices(n), truncation(n, 0.5), truncation(n, 0.75), *_late_lines(n, 0.3), *_late_lines(n, 0.49)]
    assert not any((matrix[matrix == 0]).signbit().any() for matrix in found)


def random_images(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 11, 16, 31, 48, 64])
def test_a_product_is_that_of_whole_numbers(n):
    for axis, shape in ((-1, (2, 1, 3, n)), (-2, (2, 1, n, 5)), (-3, (2, 1, n, 3, 4))):
        images = random_images(*shape) * 2 - 1
        pixels = (images.double() * FINE).round().long()
        for matrix in matrices(n):
            entries = (matrix * FINE).long()
            assert torch.equal(entries.double() / FINE, matrix)
            total = (entries @ pixels.movedim(axis, -1).unsqueeze(-1)).squeeze(-1).movedim(-1, axis)
            assert torch.equal(along(images, matrix, axis).double(), (total.double() / FINE**2).float().double())


@pytest.mark.parametrize(
    "n", [2, 3, 4, 5, 6, 7, 9, 12, 13, 17, 24, 33, 48, 63, 64, 96, 127, 128, 160, 224, 257, 384, 512]
)
def test_bytes_do_not_depend_on_the_batch_or_the_threads(n):
    count = max(4, min(64, 2**17 // n**2))
    for axis, shape in (
        (-1, (count, 1, n, n)),
        (-2, (count, 1, n, n)),
        (-2, (count, 3, n, 5)),
        (-1, (count, 3, 1, n)),
        (-3, (count, 1, n, 3, 7)),
        (-2, (count, 1, 5, n, 11)),
    ):
        images = random_images(*shape)
        for matrix in (gaussian(n, 1.4), truncation(n, 0.45)):
            torch.set_num_threads(1)
            whole = along(images, matrix, axis)
            for threads, size in ((1, 1), (1, 3), (2, count), (2, 7)):
                torch.set_num_threads(threads)
                assert torch.equal(torch.cat([along(part, matrix, axis) for part in images.split(size)]), whole)


def test_sums_stay_where_float64_is_exact():
    for n in (2, 3, 16, 64, 224, 512):
        for matrix in (*matrices(n), *_late_lines(n, 0.49)):
            assert matrix.abs().sum(1).max() < 4  # with noise up to 8 standard deviations: below the bound of 32
            assert torch.equal(exact(matrix), matrix)


def test_views_and_devices_are_taken():
    images = random_images(2, 4, 9, 7)[:, ::2].transpose(-1, -2)
    matrix = gaussian(9, 1.4)
    assert torch.equal(along(images, matrix, -1), along(images.contiguous(), matrix, -1))
    if torch.cuda.is_available():
        assert torch.equal(along(images.cuda(), matrix, -1).cpu(), along(images, matrix, -1))


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize("fraction", [0.9, 0.4, 0.1])
def test_however_few_lines_there_are_truncation_keeps_the_mean(n, fraction):
    assert truncation(n, fraction).sum(1).tolist() == pytest.approx([1.0] * n, abs=1e-6)
