"""The rules of the house: who may import whom, what its front door costs, how large it may become.

    python tests/benchmarks/house.py       prints the figures that are limited here
"""

import ast
import graphlib
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import mnist_tutorial

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tests" / "benchmarks"))
from house import measure, read_modules  # noqa: E402

TREES = {module.name.removesuffix(".py"): module.tree for module in read_modules(ROOT)}
ROOMS = {  # each with what it may import besides itself
    "core": set(),
    "reading": {"core"},
    "live": {"core", "reading"},
    "study": {"core"},
    "recipes": {"core", "study", "reading"},  # all that it trains and measures
    "exercises": {"core", "study", "reading", "live"},  # what answers are held against
}
DOORS = {"__init__", "__main__", "check"}  # they may import anything

LIMITS = {
    # Both on the way back, to 5,196 and 750: the finder of pages, which was learned, stands beside
    # that of single digits, which was made by hand, until it finds these as well.
    "lines of the package": 7528,  # 7,818 when the checks of the exercises had come
    "code lines of reading": 823,
    "private helpers of reading": 14,
    "bare numbers": 93,
    "longest function, in code lines": 40,
    "most parameters": 9,
    "lines over 100 columns": 0,
    "public without docstring": 0,
    "functions of arrays without shapes": 0,
    "import lines of a chapter": 4,
}


def room_of(module):
    return module.split("/")[0] if "/" in module else "core"


def imports_of(module, for_types=True):
    """Find the modules of the package that one of them imports: at its top, lazily or for types."""
    found, left_out = set(), set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not for_types:
            left_out |= set(node.body)
        if isinstance(node, ast.ImportFrom) and node.level and node not in left_out:
            folder = module.split("/")[:-node.level]
            base = "/".join(folder + (node.module.split(".") if node.module else []))
            for alias in node.names:  # a module, or something that the module `base` defines
                found |= modules_at(f"{base}/{alias.name}") or modules_at(base)
    return found


def modules_at(path):
    return {path.strip("/"), f"{path}/__init__".strip("/")} & set(TREES)


IMPORTS = {module: imports_of(module) for module in TREES}


def test_there_are_a_core_and_five_rooms():
    assert {room_of(module) for module in TREES} == set(ROOMS)
    assert {f"{room}/__init__" for room in ROOMS if room != "core"} | DOORS <= set(TREES)


def test_the_package_imports_itself_by_relative_names():
    """Otherwise the tests below would see less than there is."""
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import) or isinstance(node, ast.ImportFrom) and not node.level:
                assert "mnist_tutorial" not in ast.unparse(node), module
    assert IMPORTS["reading/predict"] >= {"reading/find", "training"}
    assert sum(map(len, IMPORTS.values())) > 50


@pytest.mark.parametrize("module", sorted(set(TREES) - DOORS))
def test_rooms_import_what_they_may(module):
    room = room_of(module)
    wrong = {other for other in IMPORTS[module] if room_of(other) not in ROOMS[room] | {room}}
    assert not wrong, f"{module} is in {room}, which must not import {sorted(wrong)}"
    assert not IMPORTS[module] & {"__main__", "check"}


def test_no_module_imports_itself_in_a_circle():
    """Imports for type checkers are not counted: they never run."""
    graph = {module: imports_of(module, for_types=False) for module in TREES}
    assert not [module for module, others in graph.items() if module in others]
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


READ_ONE_DIGIT = """
import sys, torch
before = set(sys.modules)
import mnist_tutorial
assert mnist_tutorial.predict_image(sys.argv[1]).digit == 7
print(*sorted(set(sys.modules) - before))
import mnist_tutorial.recipes
print({"matplotlib", "torchvision"} & set(sys.modules) or "neither")
"""


def test_reading_a_digit_imports_nothing_heavy_and_training_draws_no_figures():
    done = subprocess.run([sys.executable, "-c", READ_ONE_DIGIT, ROOT / "img" / "7.png"],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    *added, drawing = done.stdout.split()
    assert drawing == "neither"
    heavy = ("torchvision", "sklearn", "matplotlib", "torch.distributed", "torch._dynamo")
    assert "mnist_tutorial.reading.predict" in added
    assert not [name for name in added for each in heavy if f"{name}.".startswith(f"{each}.")]


def named_for_type_checkers():
    """Read the names under `if TYPE_CHECKING` in the front door: {module: names}."""
    (block,) = [node for node in TREES["__init__"].body if isinstance(node, ast.If)]
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    return {node.module: tuple(alias.name for alias in node.names) for node in block.body}


def test_front_door_says_the_same_three_times():
    assert named_for_type_checkers() == mnist_tutorial.HOME
    names = [name for names in mnist_tutorial.HOME.values() for name in names]
    assert sorted(names) == mnist_tutorial.__all__


@pytest.mark.parametrize("name", mnist_tutorial.__all__)
def test_front_door_leads_to_each_name(name):
    (home,) = [home for home, names in mnist_tutorial.HOME.items() if name in names]
    module = importlib.import_module(f"mnist_tutorial.{home}")
    assert getattr(mnist_tutorial, name) is getattr(module, name)


def test_front_door_lists_its_names_and_refuses_others():
    assert set(mnist_tutorial.__all__) <= set(dir(mnist_tutorial))
    with pytest.raises(AttributeError, match="'mnist_tutorial' has no attribute 'mind'"):
        getattr(mnist_tutorial, "mind")  # noqa: B009
    with pytest.raises(ImportError):
        from mnist_tutorial import mind  # noqa: F401


@pytest.mark.parametrize("room", sorted(set(ROOMS) - {"core"}))
def test_room_exports_its_words(room):
    module = importlib.import_module(f"mnist_tutorial.{room}")
    assert module.__doc__ and sorted(set(module.__all__)) == module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError):
        getattr(module, "mind")  # noqa: B009


@pytest.fixture(scope="module")
def figures():
    return measure(ROOT)


@pytest.mark.parametrize("row", LIMITS)
def test_house_stays_small(figures, row):
    assert figures[row].value <= LIMITS[row], figures[row].where


def test_house_is_measured_at_all(figures):
    """A count of nothing would pass as well."""
    for row in (row for row, limit in LIMITS.items() if limit):
        assert figures[row].value > LIMITS[row] / 4, row
