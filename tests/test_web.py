"""The chapters as web pages: whole, and readable without a network or a kernel."""

import re
from html.parser import HTMLParser

import pytest
import web

CHAPTERS = ("01_setup", "02b_by_hand")


class Page(HTMLParser):
    """What the tests ask of a page."""

    def __init__(self, text):
        super().__init__()
        self.images, self.links, self.loaded, self.ids, self.open = [], [], [], set(), []
        self.within, self.text = {}, text
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        if tag == "img":
            self.images.append(attributes)
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag in ("link", "script", "iframe", "img"):
            self.loaded.append(attributes.get("src") or attributes.get("href") or "data:")
        if tag == "details":
            self.open.append("")

    def handle_endtag(self, tag):
        if tag == "details":
            self.within[len(self.within)] = self.open.pop()

    def handle_data(self, data):
        self.open = [text + data for text in self.open]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The pages of two chapters, with the contents and what is no chapter."""
    everything = web.files
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web, "files", lambda language: [
            path for path in everything(language)
            if path.suffix == ".md" or path.stem in CHAPTERS])
        out = tmp_path_factory.mktemp("pages")
        names = web.make_pages(out)
    assert len(names) == 2 * (len(CHAPTERS) + 1) + 3
    return {name: Page((out / name).read_text(encoding="utf-8")) for name in names}


def test_pages_ask_nothing_of_a_network(pages):
    for name, page in pages.items():
        for address in page.loaded:
            assert address.startswith("data:") or address in (
                f"{web.up(name)}style.css", f"{web.up(name)}demo.webp", "pad.html"), (
                    name, address[:80])


def test_images_are_told_to_who_cannot_see_them(pages):
    for name, page in pages.items():
        for image in page.images:
            assert image.get("alt"), name
    images = pages["02b_by_hand.html"].images
    assert sum("formula" in image.get("class", "") for image in images) > 20


def test_links_lead_to_pages_that_are_made(pages):
    made = {web.place_of(path) for language in web.FOLDERS for path in web.files(language)}
    made |= {*web.HOMES.values(), "pad.html", "zh-CN/pad.html"}
    for name, page in pages.items():
        for link in page.links:
            if not re.match("https:|#", link):
                place = (f"zh-CN/{link}" if "/" in name else link).replace("zh-CN/../", "")
                assert place.split("#")[0] in made, (name, link)


def test_solutions_and_hints_are_folded(pages):
    folded = list(pages["02b_by_hand.html"].within.values())
    assert all(len(text.strip()) > 40 for text in folded) and len(folded) > 15
    assert any("def accuracy" in text for text in folded)
    assert "<details" not in pages["GLOSSARY.html"].text


def test_pages_follow_the_readers_choice_of_light_or_dark():
    light, dark = web.style().split("@media (prefers-color-scheme: dark)")
    assert ".highlight" in light and ".highlight" in dark and "color-scheme: light dark" in light


def test_pages_name_each_other(pages):
    assert "zh-CN/01_setup.html" in pages["01_setup.html"].links
    assert {"../01_setup.html", "../zh-CN/index.html"} <= set(pages["zh-CN/01_setup.html"].links)
    assert "install" not in " ".join(filter(None, pages["01_setup.html"].ids))


def test_links_to_files_lead_to_the_repository_once_it_has_an_address():
    path = web.FOLDERS["en"] / "04_image_inference.ipynb"
    body = '<a href="../img/draw.py">drawn</a>, <a href="05_webcam_inference.ipynb#a">5</a>'
    address = "https://github.com/somebody/course"
    for known, drawn in (("", "drawn"),
                         (address, f'<a href="{address}/blob/main/img/draw.py">drawn</a>')):
        made = web.with_links(body, path, known)
        assert made == f'{drawn}, <a href="05_webcam_inference.html#a">5</a>'


@pytest.mark.parametrize("text", ["`$x$`", "```\n$x$ and $y$\n```", "costs 5 $", "`a` and `$b$`"])
def test_dollars_in_code_are_no_formulas(text):
    assert web.with_formulas(text) == text


def test_formulas_become_images_that_say_what_they_show():
    made = web.with_formulas("Here $e^{z_j} < 1$, and $$\\tfrac{1}{10}$$ there")
    assert 'alt="e^{z_j} &lt; 1"' in made and '<p class="formula"><img' in made
