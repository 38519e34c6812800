"""Count what was done to the package to hurt it, and how it ended, for a table after the tests."""

from __future__ import annotations

import re
from collections import Counter
from typing import Callable

TALLY: dict[str, Counter] = {}
COLUMNS = ("tried", "survived", "refused")


def attempt(what: str, function: Callable, *arguments,
            refusal: type[Exception] | tuple = (), match: str = "", **options):
    """Call a function with something hostile and count the outcome under the name `what`.

    Two outcomes are good: it answers (survived), or it raises `refusal` with one clear line that
    holds `match` (refused; None is returned). All else is passed on, fails the test, and counts as
    lost.
    """
    counts = TALLY.setdefault(what, Counter())
    counts["tried"] += 1
    try:
        answer = function(*arguments, **options)
    except refusal as error:
        line = str(error)
        assert len(line) > 20 and "\n" not in line and re.search(match, line), error
        counts["refused"] += 1
        return None
    counts["survived"] += 1
    return answer


def record(what: str, **counts: int) -> None:
    """Add outcomes that were counted in another process."""
    TALLY.setdefault(what, Counter()).update(counts)


def table() -> list[str]:
    """Return the lines of the table; a last column counts what ended in neither way."""
    total: Counter = sum(TALLY.values(), Counter())
    lines = [f"{'':52}" + "".join(f"{column:>10}" for column in (*COLUMNS, "lost"))]
    for what, counts in [*sorted(TALLY.items()), ("all", total)]:
        lost = counts["tried"] - counts["survived"] - counts["refused"]
        row = [*(counts[column] for column in COLUMNS), lost]
        lines.append(f"{what:52}" + "".join(f"{number:>10,}" for number in row))
    return lines
