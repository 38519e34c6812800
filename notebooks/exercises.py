"""The exercises at the end of a notebook, and their folded solutions."""

import re


def _prose(notebook):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def find_exercises(notebook):
    """Give the text of each numbered exercise, in either language."""
    last = re.split(r"^## (?:Exercises|练习)$", _prose(notebook), flags=re.M)[1:]
    return re.findall(r"^\d\. (.*)$", "".join(last), flags=re.M)


def find_solutions(notebook):
    """Give the code of each folded solution; prose around it is left out."""
    folded = re.findall(r"<summary><b>\S+ \d</b></summary>(.*?)</details>", _prose(notebook),
                        flags=re.S)
    return ["\n".join(re.findall(r"^```python\n(.*?)^```", solution, flags=re.S | re.M))
            for solution in folded]
