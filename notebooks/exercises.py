"""The exercises of a notebook: their text, the cell to fill in, and the folded solution."""

import re

NUMBER = r"(\d+b?\.\d+)"  # such as 2.4 or 2b.1


def _prose(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def find_exercises(notebook):
    """Give the numbers of the exercises, each a heading, in either language."""
    return re.findall(rf"^### (?:Exercise|练习) {NUMBER}\b", _prose(notebook), flags=re.M)


def find_checks(notebook):
    """Give the line with which the cell of an exercise ends, `check_exercise(...)`, by number."""
    last = [cell.source.splitlines()[-1] for cell in notebook.cells
            if "exercise" in cell.metadata.get("tags", ())]
    return {re.match(rf'check_exercise\("{NUMBER}"', line)[1]: line for line in last}


def find_solutions(notebook):
    """Give the code of each folded solution by number; prose around it is left out."""
    folded = re.findall(rf"<summary><b>\S+ {NUMBER}</b></summary>(.*?)</details>",
                        _prose(notebook), flags=re.S)
    return {number: "\n".join(re.findall(r"^```python\n(.*?)^```", solution, flags=re.S | re.M))
            for number, solution in folded}
