"""Count what was done to the package to hurt it, and how it ended, for the table at the end of a test run."""

from __future__ import annotations

import re
from collections import Counter
from typing import Callable

TALLY: dict[str, Counter] = {}
COLUMNS = ("tried", "survived", "refused")


def attempt(what: str, function: Callable, *arguments, refusal: type[Exception] | tuple = (), match: str = "",
            **options):
    """Call a function with something hostile and count the outcome under the name `what`.

    Two outcomes are good: it answers (survived), or it raises `refusal` with one clear line that holds `match`
    (refused; None is returned). All else is passed on, fails the test, and counts as lost.
    """
    counts = TALLY.setdefault(what, Counter())
    counts["tried"] += 1
    try:
        answer = function(*arguments, **options)
    except refusal as error:
        assert len(str(error)) > 20 and "\n" not in str(error) and re.search(match, str(error)), error
        counts["refused"] += 1
        return None
    counts["survived"] += 1
    return answer


def record(what: str, **counts: int) -> None:
    """Add outcomes that were counted in another process."""
    TALLY.setdefault(what, Counter()).update(counts)


def table() -> list[str]:
    """Give the lines of the table; a last column counts what ended in neither way."""
    total: Counter = sum(TALLY.values(), Counter())
    lines = [f"{'':52}" + "".join(f"{column:>10}" for column in (*COLUMNS, "lost"))]
    for what, counts in [*sorted(TALLY.items()), ("all", total)]:
        lost = counts["tried"] - counts["survived"] - counts["refused"]
        lines.append(f"{what:52}" + "".join(f"{number:>10,}" for number in (*map(counts.__getitem__, COLUMNS), lost)))
    return lines
