"""What a card tells of the weights that training started from."""

from __future__ import annotations

from ....benchmark.submissions.card import Card

UNRECORDED = "the card records no hash of them"


def weights_text(card: Card) -> str:
    """Describe the initial weights and whether their hash is known."""
    if card.weights is not None:
        licence = card.weights.licence or "licence not stated"
        return (
            f"{card.weights.origin}; pretraining: {card.weights.pretraining}; {licence}; sha256 {card.weights.sha256}"
        )
    if card.baseline.external:
        return f"of the author's model; {UNRECORDED}"
    architecture = card.baseline.config.get("arch")
    return f"{architecture}; {UNRECORDED}" if architecture else UNRECORDED
