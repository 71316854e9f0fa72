"""The answers of a study that are left where some of its runs are left out."""

from __future__ import annotations

from dataclasses import replace

from ....shifts.errors import MedshiftError
from ...files.wording import plural
from ..checks import compares_with_itself
from ..study import Answer, Study

#: Said where the question itself cannot be answered, as its runs were left out.
OTHER_FIRST = "the first answer is not the study's own first one"


def with_answers(study: Study, made: Study) -> tuple[Study, list[str]]:
    """Leave out the answers whose runs were left out of a study; return the rest, and what is said of it.

    Raises:
        MedshiftError: No answer is left.
    """
    answers = tuple(answer for answer in made.answers if _answerable(made, answer))
    dropped = len(study.answers) - len(answers)
    if study.answers and not answers:
        raise MedshiftError(
            f"study {study.name!r}: with these arms and levels, no question is left: its first answer needs "
            f"{_needed(study.answers[0])}"
        )
    if not dropped:
        return made, []
    said = [f"{plural(dropped, 'answer')} left out, as {'its' if dropped == 1 else 'their'} runs are"]
    return replace(made, answers=answers), said + ([OTHER_FIRST] if answers[0] != study.answers[0] else [])


def _answerable(study: Study, answer: Answer) -> bool:
    """Return whether the cells that an answer needs are still there."""
    if any(name and name not in study.arms for name in (answer.of, answer.against)):
        return False
    axes = {axis.name: axis for axis in study.axes}
    asked = [item for chosen in (answer.at, answer.base, answer.whole) for item in chosen.items()]
    if any(name not in axes or level not in axes[name].levels for name, level in asked):
        return False
    if compares_with_itself(study, answer):
        return False
    if answer.measure == "saved" and 1 not in axes[answer.over].levels:  # all labels, with which others are compared
        return False
    return not answer.over or (answer.over in axes and axes[answer.over].places > 1)


def _needed(answer: Answer) -> str:
    found = [f"arm {name}" for name in (answer.of, answer.against) if name]
    found += [f"{name}={level}" for chosen in (answer.at, answer.base, answer.whole) for name, level in chosen.items()]
    over = "all labels, and fewer" if answer.measure == "saved" else f"two levels of {answer.over}"
    return ", ".join([*found, *([over] if answer.over else [])])
