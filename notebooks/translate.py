"""Keep the Chinese edition in step with the English one.

    python notebooks/translate.py                     carry code and outputs over, list stale prose
    python notebooks/translate.py --done 03-10 03-49  these cells are translated: note it

Both editions have the same cells under the same ids, and the same code but for its comments. Beside
each translated cell stands the hash of the English that it was translated from, so what changed
since is found. Work is done in the notebooks of zh-CN themselves, in Jupyter or an editor: new
cells wait there in English.
"""

import argparse
import hashlib
import io
import tokenize
from pathlib import Path

import nbformat

FOLDER = Path(__file__).resolve().parent
CHINESE = FOLDER / "zh-CN"
KEY = "translated_from"


def fingerprint(source):
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def read(path):
    return nbformat.read(path, as_version=4)


def comments(source):
    """Give the comments of code, one by one."""
    return [token.string for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type == tokenize.COMMENT]


def without_comments(source):
    """Give code as the interpreter sees it: its words line by line."""
    left_out = tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER
    return [(token.start[0], token.string)
            for token in tokenize.generate_tokens(io.StringIO(source).readline)
            if token.type not in left_out]


def is_translated(cell):
    """Tell whether a Chinese cell has words of its own: prose, or code with comments."""
    return cell.cell_type == "markdown" or any(
        character.isalpha() for comment in comments(cell.source) for character in comment
        if cell.id != "install")


def find_stale(english, chinese):
    """Give the ids of the cells whose English is not, or no longer, what was translated."""
    known = {cell.id: cell.metadata.get(KEY) for cell in chinese.cells}
    return [cell.id for cell in english.cells
            if is_translated(cell) and known.get(cell.id) != fingerprint(cell.source)]


def combine(english, chinese):
    """Put together the Chinese edition: its own words, and all the rest of the English one."""
    known = {cell.id: cell for cell in chinese.cells}
    cells = []
    for cell in english.cells:
        ours = known.get(cell.id, cell)
        if cell.cell_type == "markdown":
            cells.append(ours if ours.cell_type == "markdown" else cell)
            continue
        cells.append(nbformat.from_dict(cell))
        if "alt" in cell.metadata:
            cells[-1].metadata["alt"] = ours.metadata.get("alt", cell.metadata["alt"])
        if is_translated(cell) and without_comments(ours.source) == without_comments(cell.source):
            cells[-1].source = ours.source
            if KEY in ours.metadata:
                cells[-1].metadata[KEY] = ours.metadata[KEY]
    return nbformat.from_dict({**english, "cells": cells})


def carry_over(path, done=()):
    """Bring the Chinese edition of one notebook up to date, as far as a machine can.

    Parameters
    ----------
    path : pathlib.Path
        The English notebook.
    done : iterable of str
        Ids of cells that are translated now.

    Returns
    -------
    list of str
        Ids of the cells that a person must translate.
    """
    english, target = read(path), CHINESE / path.name
    chinese = combine(english, read(target) if target.exists() else nbformat.v4.new_notebook())
    for before, after in zip(english.cells, chinese.cells):
        if after.id in done:
            after.metadata[KEY] = fingerprint(before.source)
    CHINESE.mkdir(exist_ok=True)
    nbformat.write(chinese, target)
    return find_stale(english, chinese)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Keep the Chinese edition in step with the English one.")
    parser.add_argument("--done", nargs="+", default=(), metavar="ID",
                        help="cells whose translation is up to date now")
    done = parser.parse_args().done
    for path in sorted(FOLDER.glob("[0-9]*.ipynb")):
        for name in carry_over(path, done):
            print(f"translate cell {name} of {CHINESE.relative_to(FOLDER.parent) / path.name}")
