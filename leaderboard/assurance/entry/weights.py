"""What a card tells of the weights of a model, or of those that its training started from."""

from __future__ import annotations

from ....benchmark.submissions.card import Card

UNRECORDED = "the card records no hash of them"


def weights_text(card: Card) -> str:
    """Describe the weights of a fitted model, or the initial ones of a training, and whether their hash is known."""
    if card.weights is not None:
        licence = card.weights.licence or "licence not stated"
        return (
            f"{card.weights.origin}; pretraining: {card.weights.pretraining}; {licence}; sha256 {card.weights.sha256}"
        )
    sha256 = card.baseline.config.get("sha256")
    if card.baseline.brought and sha256:
        return f"of the fitted model; sha256 of its file {sha256}"
    if card.baseline.external:
        return f"of the author's model; {UNRECORDED}"
    architecture = card.baseline.config.get("arch")
    return f"{architecture}; {UNRECORDED}" if architecture else UNRECORDED
