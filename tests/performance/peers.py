"""The same corruptions in other libraries: image by image, in each library's own form of an image.

`medmnistc` reimplements MedMNIST-C's published corruptions (numpy, Pillow and scikit-image on 8-bit RGB); the package
itself needs ImageMagick. Strengths correspond to severity 3. A library that is not installed, or whose corruption
fails, is left out.
"""

from __future__ import annotations

import io
import sys
import types
import warnings
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance

FOUR = ("imagecorruptions", "medmnistc", "monai", "torchio")
BESIDE = "albumentations"
Change = Callable[[Any], Any]


def form(library: str, images: torch.Tensor) -> list[Any]:
    """Convert a batch, (N, C, *spatial) in [0, 1], to a list of images in a library's own form."""
    if library == "monai":
        return list(images)
    if library == "torchio":
        volumes = images[:, :, None] if images.ndim == 4 else images
        return [volume.transpose(1, 3).contiguous() for volume in volumes]
    arrays = [np.ascontiguousarray((image * 255).round().byte().movedim(0, -1).numpy()) for image in images]
    return [Image.fromarray(array) for array in arrays] if library == "medmnistc" else arrays


def run(change: Change, images: Iterable[Any]) -> list[Any]:
    """Change the images one by one."""
    return [change(image) for image in images]


@cache
def peers(dims: int) -> dict[str, dict[str, Change]]:
    """Return shift -> library -> its change of one image, for 8-bit RGB images or for volumes of one channel."""
    found: dict[str, dict[str, Change]] = {}
    tables = (_torchio, _monai) if dims == 3 else (_imagecorruptions, _medmnistc, _torchio, _monai, _albumentations)
    for table in tables:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                changes = table(dims)
        except ImportError:
            continue
        for name, change in changes.items():
            found.setdefault(name, {})[table.__name__[1:]] = change
    return found


def _imagecorruptions(dims: int) -> dict[str, Change]:
    if "pkg_resources" not in sys.modules:  # removed from setuptools; needed for images of frost only
        sys.modules["pkg_resources"] = types.ModuleType("pkg_resources")
        sys.modules["pkg_resources"].resource_filename = lambda *names: "/".join(names)  # type: ignore[attr-defined]
    corrupt = import_module("imagecorruptions").corrupt
    names = {
        "contrast-loss": "contrast",
        "exposure": "brightness",
        "saturation": "saturate",
        "gaussian-noise": "gaussian_noise",
        "poisson-noise": "shot_noise",
        "speckle": "speckle_noise",
        "dead-pixels": "impulse_noise",
        "psf-blur": "gaussian_blur",
        "defocus": "defocus_blur",
        "motion-blur": "motion_blur",
        "detector-binning": "pixelate",
        "jpeg": "jpeg_compression",
    }
    return {name: lambda image, c=kind: corrupt(image, corruption_name=c, severity=3) for name, kind in names.items()}


def _medmnistc(dims: int) -> dict[str, Change]:
    cv2, sk = import_module("cv2"), import_module("skimage")
    import_module("skimage.color")
    functional = import_module("torchvision.transforms.functional")

    def bits(array: Any) -> Any:
        return (np.clip(array, 0, 1) * 255).astype(np.uint8)

    def gaussian(image: Any) -> Any:
        array = np.array(image) / 255.0
        return bits(array + np.random.normal(size=array.shape, scale=0.07))  # noqa: NPY002  # as published

    def shot(image: Any) -> Any:
        return bits(np.random.poisson(np.array(image) / 255.0 * 150) / 150)  # noqa: NPY002

    def speckle(image: Any) -> Any:
        array = np.array(image) / 255.0
        return bits(array + array * np.random.normal(size=array.shape, scale=0.35))  # noqa: NPY002

    def impulse(image: Any) -> Any:
        return bits(sk.util.random_noise(np.array(image) / 255.0, mode="s&p", amount=0.008))

    def saturate(image: Any) -> Any:
        hsv = sk.color.rgb2hsv(np.array(image) / 255.0)
        hsv[:, :, 1] = np.clip(hsv[:, :, 1] + 0.15, 0, 1)
        return bits(sk.color.hsv2rgb(hsv))

    side = np.arange(-8, 9)
    disc = (side[:, None] ** 2 + side**2 <= 2**2).astype(np.float32)
    disc = cv2.GaussianBlur(disc / disc.sum(), ksize=(3, 3), sigmaX=0.5)

    def defocus(image: Any) -> Any:
        array = np.array(image) / 255.0
        return bits(np.array([cv2.filter2D(array[:, :, c], -1, disc) for c in range(3)]).transpose(1, 2, 0))

    def pixelate(image: Any) -> Any:
        small = image.resize((int(image.width / 2.6), int(image.height / 2.6)), Image.Resampling.BOX)
        return np.array(small.resize(image.size, Image.Resampling.BOX))

    def jpeg(image: Any) -> Any:
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=26)
        return np.array(Image.open(stream))

    return {
        "gamma": lambda image: np.array(functional.adjust_gamma(image, 1.8)),
        "contrast-loss": lambda image: np.array(ImageEnhance.Contrast(image).enhance(0.55)),
        "exposure": lambda image: np.array(ImageEnhance.Brightness(image).enhance(2**0.5)),
        "saturation": saturate,
        "gaussian-noise": gaussian,
        "poisson-noise": shot,
        "speckle": speckle,
        "dead-pixels": impulse,
        "psf-blur": lambda image: np.array(functional.gaussian_blur(image, kernel_size=13, sigma=1.4)),
        "defocus": defocus,
        "detector-binning": pixelate,
        "jpeg": jpeg,
    }


def _torchio(dims: int) -> dict[str, Change]:
    tio = import_module("torchio")
    turned = tio.RandomAffine(scales=0, translation=0, degrees=(0, 0, 0, 0, 9, 9) if dims == 2 else (9, 9, 0, 0, 0, 0))
    changes: dict[str, Change] = {
        "gamma": tio.Gamma(gamma=1.8),
        "window": tio.RescaleIntensity(out_min_max=(0, 1), in_min_max=(0.17, 0.82)),
        "gaussian-noise": tio.RandomNoise(std=(0.07, 0.07)),
        "psf-blur": tio.RandomBlur(std=(1.4, 1.4, 1.4, 1.4, 0, 0) if dims == 2 else (1.4, 1.4)),
        "bias-field": tio.RandomBiasField(coefficients=0.5, order=3),
        "ghosting": tio.RandomGhosting(num_ghosts=(4, 4), axes=(1,), intensity=(0.6, 0.6)),
        "kspace-spike": tio.RandomSpike(num_spikes=(1, 1), intensity=(0.3, 0.3)),
        "rigid-motion": tio.RandomMotion(degrees=0, translation=(3, 3), num_transforms=1),
        "rotation": turned,
    }
    if dims == 3:
        changes["slice-thickness"] = tio.RandomAnisotropy(axes=(2,), downsampling=(3, 3))
    return changes


def _monai(dims: int) -> dict[str, Change]:
    from monai import transforms as m

    return {
        "gamma": m.AdjustContrast(gamma=1.8),
        "exposure": m.ScaleIntensity(minv=None, maxv=None, factor=0.41),
        "tone-curve": m.RandHistogramShift(num_control_points=5, prob=1),
        "window": m.ScaleIntensityRange(0.17, 0.82, 0, 1, clip=True),
        "gaussian-noise": m.RandGaussianNoise(prob=1, std=0.07, sample_std=False),
        "rician-noise": m.RandRicianNoise(prob=1, std=0.07, sample_std=False),
        "psf-blur": m.GaussianSmooth(1.4),
        "matrix-reduction": m.GibbsNoise(0.55),
        "gibbs-ringing": m.GibbsNoise(0.71),
        "bias-field": m.RandBiasField(degree=3, coeff_range=(0.3, 0.4), prob=1),
        "kspace-spike": m.RandKSpaceSpikeNoise(prob=1),
        "field-of-view": m.Zoom(1 / 0.88, mode="bilinear" if dims == 2 else "trilinear"),
        "rotation": m.Rotate(0.157 if dims == 2 else (0.157, 0, 0), padding_mode="reflection"),
    }


def _albumentations(dims: int) -> dict[str, Change]:
    a = import_module("albumentations")
    transforms = {
        "gamma": a.RandomGamma(gamma_limit=(180, 180), p=1),
        "contrast-loss": a.RandomBrightnessContrast(brightness_limit=0, contrast_limit=(-0.45, -0.45), p=1),
        "exposure": a.RandomBrightnessContrast(brightness_limit=(0.4, 0.4), contrast_limit=0, p=1),
        "tone-curve": a.RandomToneCurve(scale=0.3, p=1),
        "saturation": a.ColorJitter(brightness=0, contrast=0, saturation=(0.4, 0.4), hue=0, p=1),
        "colour-temperature": a.PlanckianJitter(p=1),
        "stain-he": a.HEStain(p=1),
        "gaussian-noise": a.GaussNoise(std_range=(0.07, 0.07), p=1),
        "poisson-noise": a.ShotNoise(scale_range=(0.01, 0.01), p=1),
        "speckle": a.MultiplicativeNoise(multiplier=(0.65, 1.35), per_channel=True, elementwise=True, p=1),
        "dead-pixels": a.SaltAndPepper(amount=(0.008, 0.008), p=1),
        "psf-blur": a.GaussianBlur(sigma_limit=(1.4, 1.4), blur_limit=0, p=1),
        "defocus": a.Defocus(radius=(2, 2), alias_blur=(0.1, 0.1), p=1),
        "motion-blur": a.MotionBlur(blur_limit=(5, 5), p=1),
        "detector-binning": a.Downscale(scale_range=(0.38, 0.38), p=1),
        "jpeg": a.ImageCompression(quality_range=(26, 26), p=1),
        "field-of-view": a.CenterCrop(height=84, width=84, p=1),
        "rotation": a.Rotate(limit=(9, 9), p=1),
    }
    del transforms["field-of-view"]  # crops without magnifying
    transforms["field-of-view"] = a.Affine(scale=(1 / 0.88, 1 / 0.88), p=1)
    return {name: lambda image, t=transform: t(image=image)["image"] for name, transform in transforms.items()}
