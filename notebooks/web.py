"""Make web pages of all chapters, in both languages, to read without Jupyter.

    python notebooks/web.py pages     writes the folder pages; begin with its index.html

What is shown are the stored outputs: nothing is run, and nothing is fetched, neither now nor when
the pages are read. They follow the reader's choice of light or dark. Formulas are drawn by
matplotlib; links to files that are no pages lead to the repository, once pyproject.toml names it.
"""

import argparse
import base64
import html
import io
import re
import shutil
from functools import cache
from pathlib import Path

import matplotlib
import nbformat
from address import read_address
from matplotlib.mathtext import math_to_image
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html
from pygments.formatters import HtmlFormatter

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"en": ROOT / "notebooks", "zh-CN": ROOT / "notebooks" / "zh-CN"}
WORDS = {"en": dict(contents="Contents", solution="One way to do it", name="English",
                    title="MNIST, from an empty machine to your own handwriting",
                    demo="Digits drawn on a pad and held up to a camera are read"),
         "zh-CN": dict(contents="目录", solution="一种写法", name="简体中文",
                       title="MNIST 手写数字识别：从零到认出你自己的笔迹",
                       demo="认出画板上的和举在摄像头前的数字")}
HOMES = {"en": "index.html", "zh-CN": "zh-CN/index.html"}
PAGES = {"en": ["GLOSSARY.md", "TROUBLESHOOTING.md"], "zh-CN": ["TROUBLESHOOTING.md"]}
CODE = r"```.*?```|~~~.*?~~~|`[^`\n]*`"  # where a dollar is no formula
FORMULA = r"\$\$(?P<block>.+?)\$\$|\$(?P<line>[^$\n]+)\$"
SIZE = 12  # of the formulas, in points

TEMPLATE = """{%- extends 'basic/index.html.j2' -%}
{% block any_cell scoped %}
{%- if cell.metadata.get('jupyter', {}).get('source_hidden') -%}
<details class="folded"><summary>{{ resources.solution }}</summary>{{ super() }}</details>
{%- else -%}{{ super() }}{%- endif -%}
{% endblock any_cell %}
{% block input %}<div class="input_area">{{ cell.source | highlight_code }}</div>{% endblock %}"""

PAGE = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="{up}style.css">
<nav>{before}</nav>
<main>
{body}
</main>
<nav>{after}</nav>
</html>
"""

STYLE = """:root { color-scheme: light dark; --line: #8884; --code: #8881; --link: #0b62c4; }
body { max-width: 860px; margin: 0 auto; padding: 16px; font: 17px/1.6 system-ui, sans-serif; }
nav { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 15px; }
nav:last-of-type { border-top: 1px solid var(--line); padding-top: 12px; }
h1, h2, h3 { line-height: 1.25; margin: 1.4em 0 0.5em; }
a { color: var(--link); }
.anchor-link, .prompt { display: none; }
pre { margin: 0; padding: 10px 12px; overflow-x: auto; font-size: 14px; line-height: 1.45; }
code { font-size: 0.9em; background: var(--code); border-radius: 3px; padding: 1px 4px; }
pre code { padding: 0; background: none; font-size: inherit; }
.input_area, .rendered_html .highlight, .rendered_html > pre {
  background: var(--code); border: 1px solid var(--line); border-radius: 4px; }
.code_cell { margin: 14px 0; }
.output_subarea { overflow-x: auto; margin: 6px 0; }
.output_stderr { border-left: 3px solid #c62828; }
img { max-width: 100%; height: auto; }
.output_png img, .output_jpeg img { background: white; border-radius: 4px; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: 4px 10px; text-align: left; vertical-align: top; }
details { border: 1px solid var(--line); border-radius: 4px; padding: 6px 12px; margin: 10px 0; }
summary { cursor: pointer; }
p.formula { text-align: center; }
li { margin: 4px 0; }
ul.chapters { list-style: none; padding: 0; font-size: 19px; line-height: 1.9; }
"""
DARK = """:root { --link: #7ab8ff; }
img.formula { filter: invert(1) hue-rotate(180deg); }
"""


def style():
    """Give the pages' style sheet."""
    light, dark = (HtmlFormatter(style=name).get_style_defs(".highlight")
                   for name in ("default", "github-dark"))
    return (f"{STYLE}{light}\n@media (prefers-color-scheme: dark) {{\n{DARK}{dark}\n}}\n"
            ".highlight { background: none !important; }\n")


@cache
def draw_formula(formula, block=False):
    """Draw a formula: an image of its own, as HTML, that stands on the line of the text."""
    picture = io.BytesIO()
    settings = {"mathtext.fontset": "cm", "savefig.transparent": True, "svg.hashsalt": "formula"}
    with matplotlib.rc_context(settings):
        shown = formula.replace(r"\tfrac", r"\frac")
        depth = math_to_image(f"${shown}$", picture, format="svg", dpi=72,
                              prop=matplotlib.font_manager.FontProperties(size=SIZE))
    svg = re.sub(rb"<metadata>.*?</metadata>|<!--.*?-->|<!DOCTYPE.*?>", b"", picture.getvalue(),
                 flags=re.S)
    height = float(re.search(rb'height="([\d.]+)pt"', svg)[1])
    image = (f'<img class="formula" alt="{html.escape(formula)}" src="data:image/svg+xml;base64,'
             f'{base64.b64encode(svg).decode()}" style="height: {height / SIZE:.2f}em; '
             f'vertical-align: {-depth / SIZE:.2f}em">')
    return f'<p class="formula">{image}</p>' if block else image


def with_formulas(text):
    """Replace the formulas of a markdown text by their pictures; code stays as it is."""
    def drawn(match):
        if match["code"]:
            return match["code"]
        return draw_formula((match["block"] or match["line"]).strip(), bool(match["block"]))
    return re.sub(f"(?P<code>{CODE})|{FORMULA}", drawn, text, flags=re.S)


def with_links(body, path, address):
    """Rewrite the links of a chapter or page that lead to files."""
    return re.sub(r'<a href="(?!https?:|#|data:)(?P<name>[^"#]+)(?P<place>#[^"]*)?">'
                  r'(?P<text>.*?)</a>',
                  lambda match: lead(match, path, address), body, flags=re.S)


def lead(match, path, address):
    """Rewrite one link of a chapter: to another page, else to the repository, else to nothing."""
    text, target = match["text"], (path.parent / match["name"]).resolve()
    if place_of(target):
        return link(place_of(target) + (match["place"] or ""), text, place_of(path))
    if not address:
        return text
    return f'<a href="{address}/blob/main/{target.relative_to(ROOT).as_posix()}">{text}</a>'


def place_of(path):
    """Tell where among the pages a chapter or page is, as text; None for other files."""
    for language, folder in FOLDERS.items():
        known = path.suffix == ".ipynb" or path.name in ("pad.html", *PAGES[language])
        if path.parent == folder and known:
            return f"{'' if language == 'en' else 'zh-CN/'}{path.stem}.html"
    return None


@cache
def exporter():
    """Make what turns notebooks into HTML. (With embed_images, it would close each <details>.)"""
    return HTMLExporter(raw_template=TEMPLATE)


def convert(path, language, address):
    """Turn a notebook or a page of text into HTML, without head and foot."""
    if path.suffix == ".md":
        text = re.sub(r"^\*\*English\*\* ·.*\n|^\[English\].*\n", "",
                      path.read_text(encoding="utf-8"), flags=re.M)
        body = f'<div class="rendered_html">{markdown2html(with_formulas(text))}</div>'
    else:
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                cell.source = with_formulas(cell.source)
        notebook.cells = [cell for cell in notebook.cells if cell.id != "install"]
        words = {"solution": WORDS[language]["solution"]}
        body, _ = exporter().from_notebook_node(notebook, resources=words)
    return with_links(body, path, address)


def title_of(path):
    """Read the first heading of a chapter or page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = nbformat.reads(text, as_version=4).cells[0].source
    return re.search("^# (.+)$", text, flags=re.M)[1]


def files(language):
    """List the chapters and pages of an edition, in the order of reading."""
    folder = FOLDERS[language]
    return [*sorted(folder.glob("[0-9]*.ipynb")), *(folder / name for name in PAGES[language])]


def up(name):
    """Give the way from a page to the folder that all are in."""
    return "../" * name.count("/")


def link(target, text, name):
    """Give a link to a page, for the page of that name."""
    return f'<a href="{up(name)}{target}">{text}</a>'


def write(out, name, language, title, body, before, after=""):
    """Write one page; before and after it are its links to others."""
    text = PAGE.format(language=language, title=html.escape(title), body=body, up=up(name),
                       before=before, after=after)
    (out / name).write_text(text, encoding="utf-8")


def write_contents(out, language, other):
    """Write the page that an edition begins with."""
    home, title = HOMES[language], WORDS[language]["title"]
    items = "".join(f"<li>{link(place_of(path), title_of(path), home)}</li>"
                    for path in files(language))
    body = (f'<h1>{title}</h1>\n<img src="{up(home)}demo.webp" alt="{WORDS[language]["demo"]}">\n'
            f'<ul class="chapters">{items}</ul>')
    write(out, home, language, title, body, link(HOMES[other], WORDS[other]["name"], home))
    return home


def make_pages(out):
    """Write the pages of both editions into a folder; return their names."""
    (out / "zh-CN").mkdir(parents=True, exist_ok=True)
    (out / "style.css").write_text(style(), encoding="utf-8")
    shutil.copy(ROOT / "img" / "demo.webp", out)
    address, names = read_address(), []
    for language, other in (("en", "zh-CN"), ("zh-CN", "en")):
        names.append(write_contents(out, language, other))
        for path in FOLDERS[language].glob("pad.html"):  # which a chapter shows in a frame
            shutil.copy(path, out / place_of(path))
        listed = files(language)
        for at, path in enumerate(listed):
            name, twin = place_of(path), FOLDERS[other] / path.name
            before = link(HOMES[language], WORDS[language]["contents"], name) + link(
                place_of(twin) if twin.exists() else HOMES[other], WORDS[other]["name"], name)
            after = [link(place_of(path), f"{arrow} {title_of(path)}", name)
                     for arrow, path in (("←", listed[at - 1] if at else None),
                                         ("→", listed[at + 1] if at + 1 < len(listed) else None))
                     if path]
            write(out, name, language, title_of(path), convert(path, language, address), before,
                  "".join(after))
            names.append(name)
    return names


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make web pages of all chapters.")
    parser.add_argument("folder", type=Path, help="where they go; it is made if it is not there")
    folder = parser.parse_args().folder
    print(f"{len(make_pages(folder))} pages, begin with {folder / 'index.html'}")
