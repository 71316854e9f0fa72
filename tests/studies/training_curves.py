"""When each entry of a board leaves chance, and how far its loss on source validation falls, from submissions alone.

    python tests/studies/training_curves.py leaderboard/submissions/brain-mri-sim [ENTRY ...]

Prints a Markdown table with one row per entry and seed. A loss has left chance for good at the first evaluation from
which on it stays below .9 ln K, K being the number of classes: a network that does not tell the classes apart has ln K.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from medshift.benchmark.protocols.folder import read_protocol
from medshift.benchmark.submissions.card import CARD_FILE, Card
from medshift.benchmark.submissions.curve import read_curve

CHANCE = 0.9


def rows(folder: Path, entries: list[str]) -> list[str]:
    """Return the rows of the table, in the order of entries and seeds."""
    protocol, _ = read_protocol(folder)
    below = CHANCE * math.log(len(protocol.dataset.classes))
    found = []
    for path in sorted(folder.glob(f"*/seed-*/{CARD_FILE}")):
        card = Card.model_validate_json(path.read_bytes())
        training = card.training
        if training is None or (entries and card.entry not in entries):
            continue
        curve = read_curve(path.parent)
        losses = curve.losses if curve else training.losses  # older cards hold them
        above = [step for step, loss in losses if loss >= below]
        left = next((step for step, _ in losses if not above or step > above[-1]), None)
        at = dict(losses)
        quarters = [at[min(at, key=lambda step: abs(step - share * training.steps))] for share in (0.1, 0.25, 0.5)]
        cells = [f"`{card.entry}`", card.seed, left or "never", *(f"{loss:.3f}" for loss in quarters)]
        cells += [f"{at[training.kept]:.3f}", training.kept, training.run, training.steps]
        found.append("| " + " | ".join(map(str, cells)) + " |")
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("entries", nargs="*")
    given = parser.parse_args()
    print("| entry | seed | below chance from step | loss at 10 % | 25 % | 50 % | lowest | at step | run | of |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    print("\n".join(rows(given.folder, given.entries)))


if __name__ == "__main__":
    main()
