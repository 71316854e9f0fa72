"""What a card tells of the weights that training started from."""

from __future__ import annotations

from ....benchmark.submissions.card import Card

UNRECORDED = "the card records no hash of them"


def weights_text(card: Card) -> str:
    """Describe the initial weights and whether their hash is known."""
    recorded = getattr(card, "weights", None)  # cards that name their weights say more
    if recorded is not None:
        return str(recorded)
    if card.baseline.external:
        return f"of the author's model; {UNRECORDED}"
    architecture = card.baseline.config.get("arch")
    return f"{architecture}; {UNRECORDED}" if architecture else UNRECORDED
