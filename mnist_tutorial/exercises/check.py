"""Check the answer to an exercise: right, or the first thing that is wrong with it."""

from __future__ import annotations

import json
from functools import cache, wraps
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Iterator

import numpy as np
import torch

from ..checkpoint import write_atomically

CHAPTERS = {  # number of a chapter -> module with its checks
    "1": "setup", "2": "dataset", "2b": "by_hand", "3": "training", "4": "images", "5": "webcam",
    "6": "speed", "7": "scaling", "8": "mistakes", "9": "hand"}
PROGRESS = Path("progress.json")  # beside the notebook
CHINESE_FOLDER = "zh-CN"          # of the notebooks whose learners are answered in Chinese

EMPTY = "nothing is there yet: replace the dots with your answer"
RETURNS_NOTHING = "your function returns nothing: end it with `return`"
STOPS = "your code stops with {}: {}"

# A check yields conditions in order, each with the hint for who does not meet it, and values for
# the {} in that hint.
Checks = dict[str, Callable[..., Iterator[tuple]]]


class _Unanswered(Exception):
    """A learner's function returned nothing."""


def find_slip(number: str, *answer: Any) -> str | None:
    """Return what is wrong with the answer to an exercise such as "2.4", or None if it is right.

    Raises ValueError if there is no such exercise, or no check of it.
    """
    checks = checks_of(number.split(".")[0])
    if number not in checks:
        raise ValueError(f"no exercise {number!r} with a check: expected one of {', '.join(checks)}"
                         if checks else f"no chapter of exercise {number!r}: expected a number "
                                        f"like 2.4, of chapter {', '.join(CHAPTERS)}")
    if not answer or any(part is None or part is ... for part in answer):
        return translated(EMPTY)
    try:
        for well, hint, *values in checks[number](*map(_watched, answer)):
            if not well:
                return translated(hint).format(*values)
    except _Unanswered:
        return translated(RETURNS_NOTHING)
    except Exception as error:  # whatever a learner's code may raise
        return translated(STOPS).format(type(error).__name__, error)
    return None


def checks_of(chapter: str) -> Checks:
    """Return the checks of a chapter, by the number of the exercise; none if there is no such."""
    if chapter not in CHAPTERS:
        return {}
    return import_module(f".{CHAPTERS[chapter]}", __package__).CHECKS


def _watched(answer: Any) -> Any:
    """Make a learner's function raise where it returns nothing; anything else stays as it is."""
    if not callable(answer) or isinstance(answer, type) or hasattr(answer, "forward"):
        return answer

    @wraps(answer)
    def watched(*arguments, **options):
        if (result := answer(*arguments, **options)) is None or result is ...:
            raise _Unanswered
        return result
    return watched


def near(answer: Any, expected: Any, tolerance: float = 1e-4) -> bool:
    """Tell whether numbers, in whatever form, have the expected shape and nearly these values."""
    answer, expected = (part.detach().cpu() if isinstance(part, torch.Tensor) else part
                        for part in (answer, expected))
    return (np.shape(answer) == np.shape(expected)
            and np.allclose(answer, expected, tolerance, tolerance))


def check_exercise(number: str, *answer: Any) -> None:
    """Print whether the answer to an exercise such as "2.4" is right; if not, what is wrong.

    The answer is a value or a function, as the exercise asks; what is solved is noted in a file
    `progress.json` beside the notebook. Raises ValueError if there is no such exercise.
    """
    slip = find_slip(number, *answer)
    if slip is not None:
        print(translated("{} not yet: {}.").format(number, slip))
        return
    print(translated("{} right.").format(number))
    try:
        write_atomically(PROGRESS, json.dumps(sorted({*_solved(), number})).encode())
    except (OSError, ValueError) as error:
        print(translated("this could not be noted in {}: {}").format(PROGRESS, error))


def progress() -> None:
    """Print which exercises of each chapter are solved."""
    try:
        solved = _solved()
    except (OSError, ValueError) as error:
        print(translated("what is solved could not be read from {}: {}").format(PROGRESS, error))
        return
    for chapter in CHAPTERS:
        checks = checks_of(chapter)
        marks = "".join("■" if number in solved else "□" for number in checks)
        print(f"{chapter:>2} {CHAPTERS[chapter]:9} {marks}")


def _solved() -> list[str]:
    """Read the numbers noted; ValueError if the file is something else, which is left alone."""
    solved = json.loads(PROGRESS.read_text("utf-8")) if PROGRESS.exists() else []
    if not isinstance(solved, list) or not all(isinstance(each, str) for each in solved):
        raise ValueError("expected a list of exercises")
    return solved


def translated(text: str) -> str:
    """Return a text in Chinese where the Chinese edition asks, otherwise as it is."""
    return _chinese()[text] if Path.cwd().name == CHINESE_FOLDER else text


@cache
def _chinese() -> dict[str, str]:
    return json.loads(Path(__file__).with_name("zh.json").read_text("utf-8"))
