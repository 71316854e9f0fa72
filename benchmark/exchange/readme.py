"""The README of an export, for readers who do not know medshift."""

from __future__ import annotations

from string import Template

from ..protocols.protocol import Protocol

TEXT = Template("""\
# Images of $name, condition by condition

Written by `medshift export` for models that medshift cannot run itself. ${simulated}Train or take any model, predict
every image listed in `conditions.csv`, and score the predictions:

```sh
medshift score predictions.csv --protocol FOLDER --export . --name my-model --sees source
```

`FOLDER` holds `protocol.json` and `truth.parquet`; the latter has the test labels and is not part of this export.

| folder | holds | labels |
|---|---|---|
| `source/train` | images of $source to train on | yes |
| `source/val` | images of $source to choose hyper-parameters, checkpoints and thresholds; to be predicted, too | yes |
| `adapt/DOMAIN` | images of the targets to adapt to, for methods that see `target-unlabelled` | no |
| `test/clean` | test images of $source | no |
| `test/real/DOMAIN` | test images of the targets: $targets | no |
| `test/synthesized/SHIFT@SEVERITY` | the images of `test/clean` under a synthesized shift | no |

$pixels

`ids.csv` in each folder maps images to samples. The ids are for matching only: they may contain file names, and with
them class names, so keep them from the model. `group` is the patient: no group is in two splits.

## What to submit

One table, CSV or Parquet, with the columns `condition`, `sample_id`, $columns: for every row of the
`ids.csv` in every folder listed in `conditions.csv`, one probability per class, summing to 1. The classes, from 0:

$classes

## What a method may see

| `--sees` | may use |
|---|---|
| `source` | only `source/`; each test image is predicted on its own |
| `target-unlabelled` | also `adapt/`, to fit one model for all conditions |
| `test-batches` | also the test images, $batch at a time in the order of `ids.csv`, forgotten after each condition |

Choose nothing on test images. medshift cannot check this for predictions made elsewhere; the leaderboard says so.
""")

PIXELS = {
    "npy": "`images.npy` in each folder is one array, ($count, $shape), $type: $range. It can be memory-mapped "
    '(`numpy.load("images.npy", mmap_mode="r")`), and `row` in `ids.csv` counts its images from 0.',
    "png": "Each folder has one PNG per image, $shape, $type: $range. `file` in `ids.csv` names them.",
}


def readme(protocol: Protocol, form: str, kind: str, channels: int, spatial: tuple[int, ...]) -> str:
    """Write the README of an export.

    Args:
        protocol: The protocol.
        form: `npy` or `png`.
        kind: `uint8` or `float32`.
        channels: Channels of the images.
        spatial: Size of the images.
    """
    size = ", ".join(map(str, spatial))
    classes = protocol.dataset.classes
    whole = kind == "uint8" or form == "png"
    levels = 255 if kind == "uint8" else 65535
    pixels = Template(PIXELS[form]).substitute(
        count="images",
        shape=f"{size}, {channels}" if form == "npy" else f"{size.replace(', ', ' x ')}, {channels} channels",
        type=kind if form == "npy" else f"{8 if kind == 'uint8' else 16} bits",
        range=f"0 is black, {levels} full scale" if whole else "0 is black, 1 full scale",
    )
    positive = f"\n\nSensitivity, specificity and AUROC are for {protocol.positive}." if protocol.positive else ""
    return TEXT.substitute(
        name=protocol.name,
        simulated="The images are SIMULATED. " if protocol.dataset.simulated else "",
        source=protocol.source,
        targets=", ".join(protocol.targets) or "none",
        pixels=pixels,
        columns=", ".join(f"`p{index}`" for index in range(len(classes)))
        if len(classes) < 8
        else f"`p0` to `p{len(classes) - 1}`",
        classes="\n".join(f"- `p{index}`: {name}" for index, name in enumerate(classes)) + positive,
        batch=protocol.batch_size,
    )
