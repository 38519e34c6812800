"""Bring the repository's address, kept in pyproject.toml alone, to every place that shows it.

    python notebooks/address.py                                       after a change there
    python notebooks/address.py https://github.com/NAME/REPOSITORY    write it there first

The places are the first code cell of each chapter, in both editions, the READMEs' badges and their
`git clone`, and CITATION.cff. As long as there is no address, the READMEs have no badges, and the
first cell installs nothing: it says what to do. tests/test_address.py holds all of them together.
"""

import argparse
import re
from pathlib import Path
from urllib.parse import urlsplit

import nbformat

ROOT = Path(__file__).resolve().parents[1]
KEY = "Repository = "  # in pyproject.toml, below [project.urls]
CELL = """from importlib.util import find_spec

if not find_spec("mnist_tutorial"):"""
ADVICE = """
    print("The course is not installed in this Python. Choose the kernel of the environment you "
          "installed it into, or run  pip install -e .  in its folder and restart the kernel.")"""
INSTALL = """  # in Colab, say; the square button stops it
    print("Installing the course from {address}")
    %pip install --quiet git+{address}"""
ASK = {"README.md": "In place of ADDRESS, put this page's, from your browser's address bar:",
       "README.zh-CN.md": "把 ADDRESS 换成浏览器地址栏里本页的地址："}
FOLDERS = {"README.md": "notebooks", "README.zh-CN.md": "notebooks/zh-CN"}
COLAB = "https://colab.research.google.com"


def read_address(root=ROOT):
    """Read the address from pyproject.toml; empty as long as nobody has written it there."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(f'^{KEY}"(.+)"$', text, flags=re.M)
    return found[1] if found else ""


def write_address(address, root=ROOT):
    """Write another address to pyproject.toml, or take it away: ""."""
    path = root / "pyproject.toml"
    line = f'{KEY}"{address}"' if address else f'# {KEY}""'
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(f"^(# )?{KEY}.*$", line, text, flags=re.M), encoding="utf-8")


def first_cell(address):
    """Give the code of a chapter's first cell."""
    return CELL + (INSTALL.format(address=address) if address else ADVICE)


def badges(address, name):
    """Give a README's badges: is it tested, and may I try it in the browser?"""
    if not address:
        return ""
    chapter = f"{urlsplit(address).path.strip('/')}/blob/main/{FOLDERS[name]}/01_setup.ipynb"
    workflow = f"{address}/actions/workflows/test.yml"
    return (f"\n[![tests]({workflow}/badge.svg)]({workflow})\n"
            f"[![Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{chapter})\n")


def clone(address, name):
    """Give the lines of a README that get the folder."""
    ask = "" if address else f"\n{ASK[name]}\n"
    return (f"{ask}\n```bash\ngit clone {address or 'ADDRESS'} mnist_tutorial\n"
            "cd mnist_tutorial\n```\n")


def fill(text, name, content):
    """Replace what stands between <!-- name --> and <!-- /name -->."""
    before, rest = text.split(f"<!-- {name} -->\n")
    _, after = rest.split(f"<!-- /{name} -->")
    return f"{before}<!-- {name} -->\n{content}<!-- /{name} -->{after}"


def texts(address, root=ROOT):
    """Give each file that shows the address as it should be: {path: text}."""
    made = {}
    for name in ASK:
        text = (root / name).read_text(encoding="utf-8")
        text = fill(text, "badges", badges(address, name))
        made[root / name] = fill(text, "clone", clone(address, name))
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    citation = re.sub("^repository-code:.*\n", "", citation, flags=re.M)
    if address:
        citation += f'repository-code: "{address}"\n'
    return {**made, root / "CITATION.cff": citation}


def chapters(root=ROOT):
    """List the notebooks of both editions."""
    return [path for folder in set(FOLDERS.values())
            for path in sorted((root / folder).glob("[0-9]*.ipynb"))]


def spread(address, root=ROOT):
    """Write the address wherever it is shown; return the files that changed."""
    changed = []
    for path, text in texts(address, root).items():
        if path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    for path in chapters(root):
        notebook = nbformat.read(path, as_version=4)
        (cell,) = [cell for cell in notebook.cells if cell.id == "install"]
        if cell.source != first_cell(address):
            cell.source = first_cell(address)
            nbformat.write(notebook, path)
            changed.append(path)
    return changed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Bring the address to where it is shown.")
    parser.add_argument("address", nargs="?", help="such as https://github.com/NAME/REPOSITORY")
    address = parser.parse_args().address
    if address is not None:
        if address and not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", address):
            parser.error(f"expected https://github.com/NAME/REPOSITORY or the like, got {address}")
        write_address(address)
    for path in spread(read_address()):
        print(path.relative_to(ROOT))
