"""The glossary: one definition per term, for every page that uses it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Term:
    """A term of the pages.

    Args:
        title: As written in a list of terms.
        meaning: One to three sentences for a reader who knows no statistics.
    """

    title: str
    meaning: str


TERMS: Mapping[str, Term] = {
    "approach": Term(
        "approach",
        "How a method comes to its model: it starts from a network that was trained on everyday photographs (ImageNet "
        "transfer), starts from nothing (training from scratch), or looks at unlabelled images of the new site "
        "(adaptation).",
    ),
    "clean": Term("clean", "The figure on test images of the site that the model was trained at, as they were taken."),
    "real": Term("real", "The mean figure over the other sites: their own patients, taken with their own scanners."),
    "synthesized": Term(
        "synthesized",
        "The mean figure on the training site's test images after a computer has changed them as another scanner, "
        "detector or setting would. Each family of changes counts once.",
    ),
    "shifted": Term(
        "shifted", "The mean of real and synthesized: how well a model does where images look different. It ranks."
    ),
    "drop": Term(
        "drop", "By how much shifted is worse than clean: what is lost where images look different. Small is good."
    ),
    "shift": Term("shift", "A change of the images that another scanner, detector, lamp or setting would bring."),
    "severity": Term(
        "severity", "How strong a synthesized shift is, from 1 (hardly visible) to 5, on a scale in physical units."
    ),
    "family": Term("family", "Shifts of one kind: contrast, noise, resolution or artefact."),
    "modality": Term("modality", "The kind of imaging, such as MR, CT, radiograph or microscopy."),
    "sees": Term(
        "sees",
        "What a method may look at besides labelled images of the training site. Methods are ranked only against those "
        "that see the same, because seeing more helps.",
    ),
    "interval": Term(
        "95 % interval",
        "The range in which the figure would probably lie with other patients and another training run. Wide intervals "
        "mean few patients or runs that differ.",
    ),
    "supported": Term(
        "supported",
        "A difference that patients and training runs, drawn by chance, would hardly ever bring about by themselves "
        "(significant at 5 % in a paired comparison with Student’s t, after Holm’s correction for many comparisons).",
    ),
    "tier": Term(
        "tier",
        "Entries that see the same and cannot be told from the best of them. The next tier begins with the first entry "
        "that is supported to be worse.",
    ),
    "rank": Term("rank", "The place among the entries that see the same, by the shifted figure, and its interval."),
    "mean-rank": Term(
        "mean rank",
        "The mean of an entry’s ranks on several boards, each among the entries that see the same and that all of "
        "these boards share.",
    ),
    "rank-correlation": Term(
        "rank correlation",
        "How well two orders agree: 1 if they are the same, 0 if they are unrelated, -1 if one reverses the other.",
    ),
    "gap": Term("gap to the best", "Difference to the best entry that sees the same, and whether it is supported."),
    "seeds": Term("seeds", "Repeats of the same training from other random starts. Figures are means over them."),
    "steps": Term("steps", "The length of training: how often the weights were updated."),
    "converged": Term(
        "converged",
        "Training twice as long hardly changes the figure on source validation, as a longer entry on the board shows.",
    ),
    "balanced-accuracy": Term(
        "balanced accuracy",
        "The share of images that are classified correctly, computed for each class and then averaged, so that a rare "
        "class counts as much as a common one. Guessing gives 1 divided by the number of classes.",
    ),
    "auroc": Term(
        "AUROC",
        "The probability that a random image of the class gets a higher score than a random image of another. Guessing "
        "gives 0.5.",
    ),
    "reliability": Term(
        "reliability",
        "Whether a model that says 80 % is right in 80 % of the cases.",
    ),
    "ece": Term("ECE", "Expected calibration error: the mean distance of stated probability and share correct."),
    "confusion": Term("confusion", "How often each true class was given each answer."),
    "area": Term("area under severity", "The mean height of the curves from clean to the highest severity."),
    "relative": Term(
        "relative",
        "What remains under shift of the margin over guessing: (shifted − chance) / (clean − chance).",
    ),
    "robustness": Term(
        "effective robustness",
        "How far an entry lies above a line through the others: better under shift than its clean figure lets expect.",
    ),
    "verified": Term(
        "verified",
        "Somebody else has rerun the entry and got the same predictions, or a maintainer’s rerun from the author’s "
        "card stands in their place (remade).",
    ),
    "claimed": Term(
        "claimed",
        "Nobody has rerun the entry yet, or nobody can. Its figures are computed from its predictions; how those were "
        "made is its author’s word, so it has no rank.",
    ),
    "simulated": Term("SIMULATED", "The images come from a model of patients and scanners, not from patients."),
    "estimator": Term("estimator", "It guesses the figure at a site from the predictions there, without labels."),
}
ALSO = {  # other words for the same term
    "under shift": "shifted",
    "ImageNet transfer": "approach",
    "training from scratch": "approach",
    "adaptation": "approach",
    "95 % intervals": "interval",
    "interval": "interval",
    "intervals": "interval",
    "tiers": "tier",
    "severities": "severity",
    "convergence": "converged",
    "synthesized shifts": "synthesized",
}


def linked(text: str, terms: Mapping[str, Term] = TERMS) -> Markup:
    """Escape a text, and make the first use of each term in it a link to its definition in the same page."""
    found: set[str] = set()
    parts, done = [], 0
    for match in _pattern(tuple(terms)).finditer(text):
        slug = _slug(match[0], terms)
        if slug not in found:
            found.add(slug)
            parts += [escape(text[done : match.start()]), term(slug, match[0])]
            done = match.end()
    return Markup("").join([*parts, escape(text[done:])])


def term(slug: str, shown: str) -> Markup:
    """Write a word as a link to its definition in the same page."""
    return Markup('<a class="term" href="#term-{}">{}</a>').format(slug, shown)


def chosen(*slugs: str) -> dict[str, Term]:
    """Select terms for a page that uses few of them."""
    return {slug: TERMS[slug] for slug in slugs}


def _pattern(slugs: tuple[str, ...]) -> re.Pattern[str]:
    words = [TERMS[slug].title for slug in slugs if slug in TERMS]
    words += [word for word, slug in ALSO.items() if slug in slugs]
    alternatives = "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))
    return re.compile(rf"(?<![\w.=+,@-])(?:{alternatives})(?![\w.=+@-]*[\w=+@])", re.IGNORECASE)


def _slug(word: str, terms: Mapping[str, Term]) -> str:
    folded = word.casefold()
    by_title = {TERMS[slug].title.casefold(): slug for slug in terms if slug in TERMS}
    return by_title.get(folded) or {other.casefold(): slug for other, slug in ALSO.items()}[folded]
