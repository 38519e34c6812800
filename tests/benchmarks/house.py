"""Is the house in order? A table of its size, its longest parts and its gaps, for any checkout.

    python tests/benchmarks/house.py [CHECKOUT ...]

Several checkouts, the older flat layout among them, are shown in columns side by side.

- Lines of the package: of all its Python files, the checks of the exercises too.
- Code line: neither blank, comment nor docstring.
- Reading: the modules of the room `reading`, or those that were its forerunners. Its face and its
  figures (`__init__`, `plots`) are no more counted than they were when they stood elsewhere.
- Private helper: a function or class at the top of a module whose name begins with an underscore.
- Bare number: a number in the body of a function (parameters' defaults are none) other than 0, 1,
  2, -1, 28, 100 and 255. Checks of exercises are examples, whose numbers need no names.
- Parameters: without self and cls; *args and **kwargs are one each.
- Public: a function or class at the top of a module, a method or property of such a class, whose
  name begins with no underscore.
- Without shapes: a public function that takes or returns an array (its annotation names one of
  ARRAYS), but whose docstring has neither a section "Parameters" or "Returns", nor a shape such
  as (N, 28, 28) or 28x28, nor a reference to the docstring that has one.
- Import line: a statement in a chapter's code cells that imports from the package.
"""

import ast
import io
import json
import re
import sys
import tokenize
from collections import Counter
from pathlib import Path
from typing import NamedTuple

WIDTH = 100  # columns of a line
FLAT_READING = {"images", "ink", "preprocess", "predict", "pages", "guard"}
EVERYDAY_NUMBERS = {0, 1, 2, 28, 100, 255}
ARRAYS = r"\b(ndarray|Tensor|ImageSource)\b"
SHAPES = r"(Parameters|Returns)\n---|\((\w+, ?)+\w*\)|28x28|:(func|class|meth):"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (ast.ClassDef, *FUNCTIONS)
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
           tokenize.ENDMARKER}


class Figure(NamedTuple):
    """A number of the table, and where it comes from."""

    value: int
    where: str = ""

    def __str__(self):
        return f"{self.value:,} {self.where}"


class Module:
    """A module of the package: its name there, its lines and syntax tree, where it has code."""

    def __init__(self, path, package):
        text = path.read_text(encoding="utf-8")
        self.name = path.relative_to(package).as_posix()
        self.lines = text.splitlines()
        self.tree = ast.parse(text)
        self.nodes = list(ast.walk(self.tree))
        self.functions = [node for node in self.nodes if isinstance(node, FUNCTIONS)]
        self.code = set()  # numbers of the lines
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type not in NO_CODE:
                self.code |= set(range(token.start[0], token.end[0] + 1))
        for node in self.nodes:
            if isinstance(node, (ast.Module, *DEFINITIONS)) and ast.get_docstring(node):
                self.code -= lines_of(node.body[0])

    def public(self):
        """Find the public definitions, methods and properties included."""
        top = definitions(self.tree)
        classes = [node for node in top if isinstance(node, ast.ClassDef)]
        return top + [node for part in classes for node in definitions(part)]


def lines_of(node):
    return set(range(node.lineno, node.end_lineno + 1))


def definitions(parent, private=False):
    """Find the public, or the private, functions and classes right below a module or class."""
    return [node for node in parent.body
            if isinstance(node, DEFINITIONS) and node.name.startswith("_") == private]


def read_modules(checkout):
    """Read all modules of the package in a checkout."""
    package = Path(checkout) / "mnist_tutorial"
    return [Module(path, package) for path in sorted(package.rglob("*.py"))]


def of_reading(modules):
    """Choose the modules of the room reading, or its forerunners in the flat layout."""
    room = [module for module in modules if module.name.startswith("reading/")
            and Path(module.name).stem not in ("__init__", "plots")]
    return room or [module for module in modules if module.name[:-3] in FLAT_READING]


# Each of these finds what one row of the table counts, as a list of places ("model.py:12"), or as
# a list of (size, name) pairs, of which the table shows the largest.

def private_helpers(modules):
    return [f"{module.name}:{node.lineno}" for module in of_reading(modules)
            for node in definitions(module.tree, private=True)]


def bare_numbers(modules):
    found = {}  # by node: an inner function's belong to the outer one too
    for module in modules:
        for statement in (part for function in module.functions for part in function.body):
            for node in ast.walk(statement):
                if isinstance(node, ast.Constant) and type(node.value) in (int, float, complex) \
                        and node.value not in EVERYDAY_NUMBERS:
                    found[node] = f"{module.name}:{node.lineno}"
    return list(found.values())


def long_lines(modules):
    return [f"{module.name}:{number}" for module in modules
            for number, line in enumerate(module.lines, start=1) if len(line) > WIDTH]


def without_docstring(modules):
    return [f"{module.name}:{node.lineno}" for module in modules for node in module.public()
            if not ast.get_docstring(node)]


def without_shapes(modules):
    return [f"{module.name}:{node.lineno}" for module in modules for node in module.public()
            if isinstance(node, FUNCTIONS) and handles_arrays(node)
            and not re.search(SHAPES, ast.get_docstring(node) or "")]


def handles_arrays(function):
    parts = [*ast.walk(function.args), function]
    annotations = [getattr(part, "annotation", None) or getattr(part, "returns", None)
                   for part in parts]
    return any(re.search(ARRAYS, ast.unparse(each)) for each in annotations if each)


def function_lengths(modules):
    return [(len(module.code & lines_of(node)), node.name)
            for module in modules for node in module.functions]


def parameter_counts(modules):
    return [(count_parameters(node.args), node.name)
            for module in modules for node in module.functions]


def count_parameters(arguments):
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs,
             arguments.vararg, arguments.kwarg]
    return len([each for each in given if each and each.arg not in ("self", "cls")])


def import_lines(checkout):
    chapters = sorted((Path(checkout) / "notebooks").glob("0*.ipynb"))
    return [(sum(map(is_package_import, statements(path))), path.stem) for path in chapters]


def statements(chapter):
    """Parse a notebook's code cells without their magics: all nodes."""
    cells = json.loads(chapter.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    plain = [re.sub(r"^\s*[%!].*", "", source, flags=re.M) for source in sources]
    return [node for source in plain for node in ast.walk(ast.parse(source))]


def is_package_import(node):
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return any(name.split(".")[0] == "mnist_tutorial" for name in names)


def measure(checkout):
    """Measure a checkout: {row of the table: Figure}."""
    modules = read_modules(checkout)
    names = [module.name for module in modules]
    library = [module for module in modules if not module.name.startswith("exercises/")]
    return {
        "files at the top": Figure(sum("/" not in name for name in names)),
        "rooms": Figure(sum(name.endswith("/__init__.py") for name in names)),
        "lines of the package": Figure(sum(len(module.lines) for module in modules)),
        "code lines": Figure(sum(len(module.code) for module in modules)),
        "code lines of reading": Figure(sum(len(module.code) for module in of_reading(modules))),
        "private helpers of reading": count(private_helpers(modules)),
        "bare numbers": count(bare_numbers(library)),
        "longest function, in code lines": Figure(*max(function_lengths(modules))),
        "most parameters": Figure(*max(parameter_counts(modules))),
        f"lines over {WIDTH} columns": count(long_lines(modules)),
        "public without docstring": count(without_docstring(modules)),
        "functions of arrays without shapes": count(without_shapes(modules)),
        "import lines of a chapter": Figure(*max(import_lines(checkout))),
    }


def count(places):
    """Count places, and name the module that has most of them."""
    modules = Counter(place.split(":")[0] for place in places).most_common(1)
    return Figure(len(places), f"most in {modules[0][0]}" if modules else "")


def main(checkouts):
    tables = [measure(checkout) for checkout in checkouts]
    print(" " * 36 + "".join(f"{Path(checkout).resolve().name:36}" for checkout in checkouts))
    for row in tables[0]:
        print(f"{row:36}" + "".join(f"{table[row]!s:36}" for table in tables))


if __name__ == "__main__":
    main(sys.argv[1:] or [Path(__file__).parents[2]])
