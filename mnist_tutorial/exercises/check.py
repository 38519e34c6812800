"""Check the answer to an exercise: right, or the first thing that is wrong with it."""

import json
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, Callable, Generator

import numpy as np
import torch

from ..checkpoint import write_atomically

CHAPTERS = {  # number of a chapter -> module with its checks
    "1": "setup", "2": "dataset", "2b": "by_hand", "3": "training", "4": "images", "5": "webcam",
    "6": "speed", "7": "scaling", "8": "mistakes", "9": "hand"}
PROGRESS = Path("progress.json")  # beside the notebook

EMPTY = "nothing is there yet: replace the dots with your answer"
RETURNS_NOTHING = "your function returns nothing: end it with `return`"
OTHERS = "it is wrong for other values: use the parameters"
PERCENT = "that is a percentage: a share from 0 to 1 is asked for"

# Conditions in order, each with its hint, and values for the {} in it; returned is the answer.
Slips = Generator[tuple, None, Any]


class _Unanswered(Exception):
    """A learner's function returned nothing."""


def find_slip(number: str, *answer: Any) -> str | None:
    """Return what is wrong with an answer, None if nothing is; ValueError without such a check."""
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
        return translated("your code stops with {}: {}").format(type(error).__name__, error)
    return None


def checks_of(chapter: str) -> dict[str, Callable[..., Slips]]:
    """Return a chapter's checks by the number of the exercise, as `_2_4_find` has it; or none."""
    if chapter not in CHAPTERS:
        return {}
    module = vars(import_module(f".{CHAPTERS[chapter]}", __package__))
    names = [name for name in module if name.startswith(f"_{chapter}_")]
    return {f"{chapter}.{name.split('_')[2]}": module[name] for name in names}


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


def tensor(answer: Any) -> torch.Tensor:
    """Return numbers, in whatever form, as :func:`torch.as_tensor` does, but on the CPU."""
    return torch.as_tensor(answer if hasattr(answer, "cpu") else np.array(answer)).detach().cpu()


def near(answer: Any, expected: Any, tolerance: float = 1e-4) -> bool:
    """Tell whether numbers, in whatever form, have the expected shape and nearly these values."""
    found, right = tensor(answer).double(), tensor(expected).double()
    return found.shape == right.shape and torch.allclose(found, right, tolerance, tolerance)


def expect(answer: Any, right: Any, slips: dict[str, Any] | None = None, hint: str = "",
           tolerance: float = 1e-4) -> Slips:
    """Ask for these numbers, after what usual slips give; without a hint, show the worst row."""
    yield from unlike(answer, slips or {}, tolerance)
    yield not hint or near(answer, right, tolerance), hint
    yield from shaped(answer, np.shape(right))
    found, wanted = (torch.atleast_2d(tensor(part).double()).flatten(1)
                     for part in (answer, right))
    row = (found - wanted).abs().amax(dim=1).argmax()
    yield near(found, wanted, tolerance), "a small example should give {}: you return {}", *(
        ", ".join(f"{round(value, 4):g}" for value in part[row].tolist())
        for part in (wanted, found))


def unlike(answer: Any, slips: dict[str, Any], tolerance: float = 1e-4) -> Slips:
    """Rule out what usual slips give: by hint a value, or a list of several."""
    for hint, values in slips.items():
        for value in values if isinstance(values, list) else [values]:
            yield not near(answer, value, tolerance), hint


def share_slips(share: float, count: int) -> dict[str, float]:
    """Return what usual slips give where a share of so many is asked for."""
    return {"that is how many: divide by how many there are": share * count, PERCENT: 100 * share,
            "that is the share of errors: count the right ones": 1 - share}


def shaped(answer: Any, shape: tuple[int, ...]) -> Slips:
    """Ask for an array of this shape; return it as a tensor."""
    found = tuple(np.shape(answer))
    yield found == shape, "the shape {} was expected, you return {}", tuple(shape), found
    return tensor(answer)


def several(answer: Any, count: int) -> Slips:
    """Ask for so many values in a tuple, list or array; return it."""
    found = len(answer) if isinstance(answer, (tuple, list, np.ndarray)) else 1
    yield found == count, "{} values were expected, you return {}", count, found
    return answer


def single(answer: Any) -> Slips:
    """Ask for one number, in whatever form; return it."""
    found = tensor(answer)
    yield found.numel() == 1, "one number was expected, you return {} numbers", found.numel()
    return found.item()


def randn(*shape: int, seed: int = 3) -> torch.Tensor:
    """Return random numbers as :func:`torch.randn` does, always the same."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def check_exercise(number: str, *answer: Any) -> None:
    """Print whether the answer to an exercise such as "2.4" is right; if not, what is wrong.

    The answer is a value or a function, as the exercise asks; what is solved is noted in a file
    `progress.json` beside the notebook. Raises ValueError if there is no such exercise.
    """
    if slip := find_slip(number, *answer):
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
    """Return a text in Chinese where a notebook of the Chinese edition asks, else as it is."""
    if Path.cwd().name != "zh-CN":
        return text
    return json.loads(Path(__file__).with_name("zh.json").read_text("utf-8"))[text]
