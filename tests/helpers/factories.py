"""Fabricated protocols, truths and submissions, without images or models. Available as the fixture `fabricate`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from medshift.benchmark.contract import registry
from medshift.benchmark.contract.training_record import Curve
from medshift.benchmark.datasets.facts import DatasetFacts
from medshift.benchmark.files.atomic import sha256
from medshift.benchmark.protocols import protocol, truth
from medshift.benchmark.protocols.protocol import Protocol
from medshift.benchmark.scoring import scores
from medshift.benchmark.submissions import card as cards
from medshift.benchmark.submissions import curve as curves
from medshift.benchmark.submissions import predictions
from medshift.benchmark.submissions.card import Card, claims

SHIFTS = {"gaussian-noise": "noise", "rician-noise": "noise", "gamma": "contrast", "psf-blur": "resolution"}
TARGETS = ("site-b", "site-c")
MADE_UP = {"distribution": "made-up 1.0", "sees": "source"}  # for names that are not medshift's baselines


def table(groups=20, per_group=4, classes=2, targets=TARGETS, seed=0):
    """Make a tidy truth: every group has samples of random classes, and every split all classes."""
    rng = np.random.default_rng(seed)
    rows = []
    for domain, split in [("site-a", "train"), ("site-a", "val"), ("site-a", "test"), *((t, "test") for t in targets)]:
        for index in range(groups * per_group):
            label = index % classes if index < classes else int(rng.integers(classes))
            group = f"{domain}-{split}-p{index // per_group:03d}"
            rows.append((f"{domain}/{split}/{index:04d}.png", label, domain, group, split))
    return truth.tidy(pd.DataFrame(rows, columns=["sample_id", "label", "domain", "group", "split"]))


def terms(rows, classes=2, targets=TARGETS, **changes):
    """Make a protocol for a truth."""
    facts = DatasetFacts(
        name="made-up",
        version="1",
        classes=tuple(f"class-{index}" for index in range(classes)),
        modality="mr",
        channels=1,
        image_size=(64, 64),
        simulated=True,
        licence="CC0",
        citation="Nobody, <i>Nowhere</i> & sons",
    )
    given = {"name": "made-up", "dataset": facts, "truth_sha256": truth.digest(rows), "source": "site-a"}
    return Protocol(**{**given, "targets": targets, "shifts": SHIFTS, "severities": (1, 3, 5), **changes})


def outputs(protocol, rows, skill=2.0, seed=0):
    """Make condition key -> probabilities; skill falls with shift and severity, noise is the same per image."""
    made = {}
    for condition in protocol.conditions():
        labels = truth.truth_of(rows, condition)["label"].to_numpy()
        left = {"real": 0.6}.get(condition.kind, 1 - 0.15 * condition.severity)
        rng = np.random.default_rng([seed, *condition.domain.encode(), *condition.split.encode()])
        logits = rng.normal(size=(len(labels), len(protocol.dataset.classes)))
        logits[np.arange(len(labels)), labels] += skill * left
        odds = np.exp(logits)
        made[condition.key] = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return made


def parts(protocol, rows, arrays):
    """Pair probabilities with sample ids, as `predictions.write` takes them."""
    wanted = {c.key: truth.truth_of(rows, c)["sample_id"].tolist() for c in protocol.conditions()}
    return {key: (wanted[key], array) for key, array in arrays.items()}


def contest(root, rows=None, **changes):
    """Write a protocol and its truth; return (folder, protocol, truth)."""
    rows = table() if rows is None else rows
    made = terms(rows, **changes)
    protocol.write(made, root / made.name)
    truth.write(rows, root / made.name / protocol.TRUTH_FILE)
    return root / made.name, made, rows


def trained(steps, losses=(0.7, 0.4, 0.5), run=None):
    """Make the claim of a training of so many steps, whose losses on source validation were evaluated evenly."""
    at = [(run or steps) * (index + 1) // len(losses) for index in range(len(losses))]
    kept = at[losses.index(min(losses))]
    return cards.TrainingClaim(steps=steps, run=run or steps, kept=kept, losses=tuple(zip(at, losses, strict=True)))


def course(training, figures=(0.5, 0.9, 0.8), metric="balanced_accuracy"):
    """Make the curve of a training, with its losses and these figures on source validation."""
    rows = [
        (step, step / 10, 32 * step, 0.001, loss + 0.1, loss, figure, step / 2)
        for (step, loss), figure in zip(training.losses, figures, strict=True)
    ]
    return Curve.of_rows(metric, rows)


def submission(
    folder, made, rows, entry="steady", seed=0, arrays=None, skill=2.0, device="cpu", training=None, curve=None,
    weights=None, **baseline,
):  # fmt: skip
    """Write a valid submission and return its folder; with a curve, the losses are there and not in the card.

    Images of which all probabilities are NaN are refused ones.
    """
    place = folder / entry / f"seed-{seed}"
    arrays = outputs(made, rows, skill, seed) if arrays is None else arrays
    path = place / predictions.PREDICTIONS_FILE
    predictions.write(parts(made, rows, arrays), path, rejections=True)
    read = predictions.read_all(path, made, rows)
    name = entry.split("+")[0]
    ours = name in registry.BUILTINS
    origin = {"distribution": "medshift 0.1.0", "sees": registry.BUILTINS[name].sees} if ours else MADE_UP
    about = {"name": name, **origin, **baseline}
    if not {"external", "brought"} & {about["distribution"]}:  # whose names are free
        stated = dict(setting.split("=") for setting in entry.split("+")[1:] if setting.count("=") == 1)
        about["config"] = about.get("config", {"lr": 0.001}) | stated
    card = Card(
        protocol=cards.ProtocolClaim(name=made.name, version=made.version, sha256=made.sha256),
        dataset=cards.DatasetClaim(name="made-up", version="1", truth_sha256=made.truth_sha256),
        baseline=cards.BaselineClaim(**about),
        entry=entry,
        seed=seed,
        shifts=dict.fromkeys(made.shifts, "0" * 64),
        code=cards.CodeClaim(version="0.1.0", commit="abc", dirty=False),
        environment=cards.EnvironmentClaim(python="3.11", platform="Linux", device=device, threads=2),
        timings=cards.TimingsClaim(fit_s=1.5, predict_s=2.5),
        predictions=cards.PredictionsClaim(sha256=sha256(path), rows=sum(map(len, arrays.values()))),
        scores=claims(scores.score(made, rows, read.arrays, replicates=0)),
        submitter="somebody",
        training=training if curve is None else training.model_copy(update={"losses": ()}),
        curve=curve and curves.write(curve, place),
        weights=weights,
        rejections=read.refused or None,
    )
    cards.write(card, place)
    return place


def known_truth(patients=100, targets=TARGETS):
    """Make a truth with as many patients of each class in every split, one image each."""
    made = []
    splits = [("site-a", "train"), ("site-a", "val"), ("site-a", "test"), *((site, "test") for site in targets)]
    for domain, split in splits:
        for number in range(2 * patients):
            name = f"{domain}-{split}-{number:04d}"
            made.append((f"{name}.png", number % 2, domain, name, split))
    return truth.tidy(pd.DataFrame(made, columns=["sample_id", "label", "domain", "group", "split"]))


def known_errors(protocol, table, wrong):
    """Make probabilities of .9 for the predicted class, of which a share is wrong in each class.

    Args:
        protocol: The protocol.
        table: Its truth.
        wrong: Condition -> share of the patients of each class that are called the other.
    """
    made = {}
    for condition in protocol.conditions():
        labels = truth.truth_of(table, condition)["label"].to_numpy()
        called = labels.copy()
        for label in (0, 1):
            own = np.flatnonzero(labels == label)
            changed = own[: round(wrong(condition) * len(own))]
            called[changed] = 1 - label
        made[condition.key] = np.where(np.arange(2) == called[:, None], 0.9, 0.1).astype(np.float32)
    return made
