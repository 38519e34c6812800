"""The page: JupyterLab and Notebook in a real browser, with widgets, camera, live chapters."""

import os
import re
import shutil
import symtable
from pathlib import Path

import cv2
import nbformat
import pytest
from browser import PAUSE, Notebook, find_browser, jupyter, screenshot, write_notebook

from mnist_tutorial import predict_image
from mnist_tutorial.data import SAMPLE
from mnist_tutorial.live.frames import read_frames

playwright = pytest.importorskip("playwright.sync_api",
                                 reason="needs playwright: pip install -e '.[test]'")
pytestmark = pytest.mark.skipif(find_browser() is None,
                                reason="needs Chromium or Chrome, and finds none on the PATH")

ROOT = Path(__file__).parents[1]
LIVE = "DrawingPad(", "BrowserCamera(", "interact(", "LiveCurves("  # what lives in the page
SEVEN = [(0.25, 0.2), (0.72, 0.2), (0.45, 0.85)]
TWO = [(0.28, 0.32), (0.36, 0.2), (0.5, 0.15), (0.64, 0.22), (0.66, 0.36), (0.55, 0.54),
       (0.28, 0.82), (0.74, 0.82)]
PAD = "from mnist_tutorial.live import DrawingPad\npad = DrawingPad(save_to='mine')\npad"
CAMERA = ("from mnist_tutorial.live import BrowserCamera\n"
          "camera = BrowserCamera(save_to='seen')\ncamera")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """The course's clip for Chromium's false camera: its three digits, each held still a while."""
    path = tmp_path_factory.mktemp("camera") / "clip.mjpeg"
    frames = list(read_frames(ROOT / "img" / "webcam.webm"))
    with open(path, "wb") as file:
        for number in (15, 75, 140):
            for frame in 30 * [frames[number]]:
                file.write(cv2.imencode(".jpg", frame)[1].tobytes())
    return path


@pytest.fixture(scope="module")
def chromium(clip):
    arguments = ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={clip}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox does not work for root
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=find_browser(), args=arguments)
        yield browser
        browser.close()


def needed(table):
    """The names that code and its functions take from elsewhere."""
    own = {name.get_name() for name in table.get_symbols() if name.is_referenced()
           and (name.is_global() or table.get_type() == "module")}
    return own.union(*map(needed, table.get_children()))


def live_cells(path):
    """The cells of a chapter that show what lives in the page, and those whose names they use."""
    kept, used = [], set()
    code = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    for source in reversed(code):
        table = symtable.symtable(re.sub("^%.*", "", source, flags=re.M), "cell", "exec")
        made = {name.get_name() for name in table.get_symbols()
                if name.is_assigned() or name.is_imported()}
        if made & used or any(word in source for word in LIVE):
            kept.insert(0, source)
            used = (used | needed(table)) - made
    return kept


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course's pictures, and notebooks with the widgets; those of the chapters are in one."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "img", folder / "img")
    chapters = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
    cells = [cell.replace("EPOCHS = 10 ", "EPOCHS = 2 ")
             for path in chapters for cell in live_cells(path)]
    write_notebook(folder / "chapters.ipynb", *cells)
    write_notebook(folder / "pad.ipynb", PAD)
    write_notebook(folder / "camera.ipynb", CAMERA)
    return folder


@pytest.fixture(scope="module")
def server(course, tmp_path_factory):
    settings = tmp_path_factory.mktemp("settings")
    with jupyter(course, settings, MNIST_ROOT=SAMPLE, OMP_NUM_THREADS="1") as address:
        yield address


@pytest.fixture(scope="module")
def context(chromium):
    """What all pages share: JupyterLab's scripts are fetched once."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.add_init_script("""
        window.lent = []; // the cameras that were lent to the page
        const lend = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
        navigator.mediaDevices.getUserMedia = async (...all) => {
            const stream = await lend(...all);
            window.lent.push(...stream.getTracks());
            return stream;
        };
    """)
    return context


@pytest.fixture(scope="module")
def loaded(context, server, request):
    """A page of JupyterLab or Notebook that is loaded once, since that takes ten seconds.

    In `problems` are the errors that scripts of widgets raise in it.
    """
    page, page.problems = context.new_page(), []
    page.on("pageerror",
            lambda error: page.problems.append(error.stack) if "blob:" in error.stack else None)
    yield Notebook(page, server, "pad.ipynb", request.param)
    page.close()
    assert not page.problems


in_lab = pytest.mark.parametrize("loaded", ["lab"], indirect=True)
in_notebook = pytest.mark.parametrize("loaded", ["notebook"], indirect=True)


@pytest.fixture
def page(loaded):
    yield loaded.page
    assert not loaded.page.problems


@pytest.fixture
def notebook(loaded, page):
    """The notebook with the pad, freshly opened (Notebook can't do so in one page) and run."""
    if loaded.app == "lab":
        loaded.open("pad.ipynb")
    loaded.run_all()
    return loaded


def ink(page):
    """The sum of the pad's grey levels, as the page shows it."""
    return page.evaluate("""() => {
        const sheet = document.querySelector(".mnist-sheet");
        const { data } = sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height);
        return data.reduce((sum, value, i) => i % 4 ? sum : sum + value, 0); // red of RGBA
    }""")


def arrived(notebook):
    """Wait until Python has the drawing of the page: the last one is never lost."""
    notebook.wait_until("print(pad.image.sum())", str(ink(notebook.page)))


@pytest.mark.parametrize("loaded", ["lab", "notebook"], indirect=True)
def test_pad_answers_while_one_draws(notebook, page, tmp_path):
    notebook.wait_for_text(".mnist-words", "no digit")
    undo, clear = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Clear")
    assert undo.is_disabled() and clear.is_disabled()

    notebook.draw(SEVEN)
    notebook.wait_for_text(".mnist-digit", "7")
    notebook.wait_for_text(".mnist-words", "7, confidence")
    notebook.wait_for_text(".mnist-note", "shipped weights")
    page.locator(".mnist-bars[aria-label*='7: 100 %']").wait_for()
    assert notebook.ask("print(pad.prediction.digit, pad.prediction.model, "
                        "pad.image.shape, pad.image.min())") == "7 shipped weights (280, 280) 0"
    screenshot(page, tmp_path, f"pad-{notebook.app}")

    clear.click()
    notebook.wait_for_text(".mnist-words", "no digit")
    assert notebook.ask("print(pad.prediction, pad.image.min())") == "None 255"

    notebook.draw(TWO)
    notebook.wait_for_text(".mnist-digit", "2")
    arrived(notebook)
    assert notebook.ask("print(pad.prediction.digit)") == "2"
    two = ink(page)

    notebook.draw([(0.1, 0.1), (0.9, 0.9)], [(0.9, 0.1), (0.1, 0.9)])
    arrived(notebook)
    assert ink(page) < two
    undo.press("Enter")  # the buttons obey the keyboard
    undo.press("Enter")
    assert ink(page) == two
    arrived(notebook)
    notebook.wait_for_text(".mnist-words", "2, ")
    assert notebook.outputs()[0]["data"]["text/plain"] == "DrawingPad()"

    notebook.ask("pad.clear()")
    notebook.wait_for_text(".mnist-words", "no digit")
    assert undo.is_disabled()


@in_lab
def test_undo_brings_back_what_was_cleared(notebook, page):
    undo, clear = page.get_by_role("button", name="Undo"), page.get_by_role("button", name="Clear")
    notebook.draw(SEVEN)
    arrived(notebook)
    seven = ink(page)
    clear.click()
    notebook.wait_for_text(".mnist-words", "no digit")
    assert clear.is_disabled() and undo.is_enabled()
    notebook.draw(TWO)
    arrived(notebook)
    two = ink(page)
    clear.click()
    for expected in (two, None, seven):  # undone: the second Clear, the 2, the first Clear
        undo.click()
        if expected:
            assert ink(page) == expected
        arrived(notebook)
    notebook.wait_for_text(".mnist-words", "7, confidence")
    undo.click()
    notebook.wait_for_text(".mnist-words", "no digit")
    assert undo.is_disabled() and clear.is_disabled()

    notebook.draw(SEVEN)
    clear.click()
    notebook.draw(TWO)
    arrived(notebook)
    notebook.wait_for_text(".mnist-words", "2, confidence")
    notebook.ask("pad.clear()")  # from Python: a new beginning
    notebook.wait_for_text(".mnist-words", "no digit")
    assert undo.is_disabled() and clear.is_disabled()


@in_notebook
@pytest.mark.parametrize("width", [1280, 360])
def test_no_text_of_the_pad_covers_another_part(notebook, page, tmp_path, width):
    page.set_viewport_size({"width": width, "height": 900})
    notebook.draw(SEVEN)
    notebook.wait_for_text(".mnist-words", "7, confidence")
    arrived(notebook)
    long = {"words": "not sure, perhaps 7, confidence 54.0%", "sure": False, "model": 60 * "net"}
    assert notebook.ask(f"pad.answer = {{**pad.answer, **{long!r}}}") == ""
    assert notebook.ask(f"pad.send({{'saved': 'Saved as {60 * 'long'}/0001.png.'}})") == ""
    notebook.wait_for_text(".mnist-note", "netnet")
    notebook.wait_for_text(".mnist-said", "Saved as")
    screenshot(page, tmp_path, f"pad-long-text-{width}")
    # What stands in a column does so below what stands before it, and inside of it.
    assert page.evaluate("""() => [...document.querySelectorAll(".mnist-column")].flatMap(column =>
        [...column.children].flatMap((child, i) => {
            const box = child.getBoundingClientRect(), outer = column.getBoundingClientRect();
            const above = column.children[i - 1]?.getBoundingClientRect().bottom ?? 0;
            const inner = Math.max(...[...child.querySelectorAll("*"), child].map(
                each => each.getBoundingClientRect().bottom));
            const good = box.top >= above && inner <= box.bottom + 1
                && box.right <= outer.right + 1 && child.scrollWidth <= child.clientWidth + 1;
            return good ? [] : [child.className];
        }))""") == []


@in_lab
def test_pad_saves_drawings_and_keeps_them_when_the_page_is_loaded_again(
        notebook, page, server, course, tmp_path):
    page.get_by_role("button", name="Save", exact=True).click()
    notebook.wait_for_text(".mnist-said", "Draw something first")
    notebook.draw(SEVEN)
    label = page.get_by_label("What is it?")
    label.press_sequentially("seven")
    label.press("Enter")
    notebook.wait_for_text(".mnist-said", "expected digits")
    screenshot(page, tmp_path, "pad-bad-label")
    label.fill("")
    label.press_sequentially("7")  # if the notebook took the key, the cell would be a heading
    label.press("Enter")
    notebook.wait_for_text(".mnist-said", "Saved as")
    assert (course / "mine" / "labels.csv").read_text() == "filename,label\n0001.png,7\n"
    assert predict_image(course / "mine" / "0001.png").digit == 7
    assert notebook.outputs()[0]["data"]["text/plain"] == "DrawingPad()"

    arrived(notebook)
    seven = ink(page)
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save').then(() => null)")
    notebook = Notebook(page, server, "pad.ipynb")
    notebook.wait_for_text(".mnist-digit", "7")
    page.wait_for_selector(".mnist button:has-text('Undo'):enabled")
    assert ink(page) == seven
    page.get_by_role("button", name="Undo").click()
    notebook.wait_for_text(".mnist-words", "no digit")

    notebook.theme("JupyterLab Dark")
    notebook.draw(TWO)
    notebook.wait_for_text(".mnist-digit", "2")
    arrived(notebook)
    screenshot(page, tmp_path, "pad-dark")
    notebook.theme("JupyterLab Light")
    notebook.restart()
    notebook.wait_for_text(".mnist-failed", "Run the cell again")


@in_lab
def test_pad_asks_for_digits_saves_each_and_clears_itself(loaded, page, course):
    write_notebook(course / "asking.ipynb", "from mnist_tutorial.live import DrawingPad\n"
                   "pad = DrawingPad(save_to='asked', ask=2)\npad")
    notebook = loaded
    notebook.open("asking.ipynb")
    notebook.run_all()
    wanted = [notebook.ask(f"print(pad._wanted[{number}])") for number in range(2)]
    for number, digit in enumerate(wanted, start=1):
        notebook.wait_for_text(".mnist", f"Write a {digit} ({number} of 2)")
        notebook.draw(SEVEN)
        arrived(notebook)
        page.get_by_role("button", name="Save", exact=True).click()
        notebook.wait_until("print(pad.asks['saved'], pad.drawing == b'')", f"{number} True")
    notebook.wait_for_text(".mnist", "All 2 are saved.")
    assert not page.get_by_role("button", name="Save", exact=True).is_visible()
    table = (course / "asked" / "labels.csv").read_text()
    assert table == f"filename,label\n0001.png,{wanted[0]}\n0002.png,{wanted[1]}\n"
    notebook.shut_down()


@in_lab
def test_a_saved_label_is_not_the_next_drawings(notebook, page, course):
    label, said = page.get_by_label("What is it?"), page.locator(".mnist-said")
    notebook.draw(SEVEN)
    label.fill("7")
    label.press("Enter")
    notebook.wait_for_text(".mnist-said", "Saved as")
    assert label.input_value() == ""
    page.get_by_role("button", name="Clear").click()
    notebook.draw(TWO)
    arrived(notebook)
    assert said.text_content() == ""
    before = (course / "mine" / "labels.csv").read_text()
    page.get_by_role("button", name="Save", exact=True).click()  # its label was forgotten
    notebook.wait_for_text(".mnist-said", "expected digits")
    assert (course / "mine" / "labels.csv").read_text() == before
    label.fill("2")
    page.get_by_role("button", name="Save", exact=True).click()
    notebook.wait_for_text(".mnist-said", "Saved as")
    assert (course / "mine" / "labels.csv").read_text().endswith(",2\n")


def start(page):
    page.get_by_role("button", name="Start", exact=True).click()


def camera_is_off(page):
    """Whether all cameras that were ever lent to the page are switched off."""
    return page.evaluate("() => window.lent.length > 0 "
                         "&& window.lent.every(track => track.readyState === 'ended')")


@pytest.fixture
def camera(loaded, page, server):
    """The notebook with the camera, freshly opened and run, in a page that may use it."""
    page.context.grant_permissions(["camera"], origin=server)
    page.evaluate("window.lent = []")
    loaded.open("camera.ipynb")
    loaded.run_all()
    return loaded


@in_lab
def test_camera_reads_the_clip(camera, course, tmp_path):
    page = camera.page
    start(page)
    for digit in "372":
        camera.wait_for_text(".mnist-words", f"read: {digit}")
        camera.wait_until("print([p.digit for p in camera.predictions if p.confidence > 0.8])",
                          f"[{digit}]")
        screenshot(page, tmp_path, f"camera-{digit}")
    camera.wait_for_text(".mnist-rate", "frames per second")
    assert camera.ask("print(camera.frame.shape, camera.frame.dtype)") == "(360, 480, 3) uint8"
    camera.ask("camera.several = True")
    page.wait_for_selector(".mnist input[type=checkbox]:checked")
    page.get_by_label("What is it?").fill("2")
    page.get_by_role("button", name="Save", exact=True).click()
    camera.wait_for_text(".mnist-said", "Saved as")
    saved = cv2.imread(str(course / "seen" / "0001.png"))
    assert saved.shape == (480, 640, 3)  # as large as the camera has it
    page.get_by_role("button", name="Stop", exact=True).click()
    assert camera_is_off(page) and page.get_by_text("The camera is off.").is_visible()


@in_lab
def test_camera_goes_off_with_its_cell_and_on_again(camera):
    page = camera.page
    start(page)
    camera.wait_for_text(".mnist-words", "read:")
    camera.run_all()
    page.wait_for_function("() => window.lent.every(track => track.readyState === 'ended')",
                           polling=PAUSE)
    start(page)
    camera.wait_for_text(".mnist-words", "read:")
    assert not camera_is_off(page)
    camera.ask("camera.stop()")
    page.get_by_text("The camera is off.").wait_for()
    assert camera_is_off(page)


@in_lab
def test_an_error_in_answering_is_shown_and_goes_away(camera):
    page = camera.page
    start(page)
    camera.ask("net, camera.model = camera.model, 'no network'")
    camera.wait_for_text(".mnist-failed", "expected a network")
    camera.ask("camera.model = net")
    page.locator(".mnist-failed", has_text="expected a network").wait_for(state="detached")
    camera.wait_for_text(".mnist-words", "read:")


@in_lab
def test_camera_goes_off_with_the_kernel(camera):
    page = camera.page
    start(page)
    camera.wait_for_text(".mnist-words", "read:")
    camera.restart()
    camera.wait_for_text(".mnist-failed", "Run the cell again")
    assert camera_is_off(page)


@in_lab
def test_a_camera_that_cannot_be_had_says_what_to_do(camera, tmp_path):
    # the last of the camera's tests: the page has none after it
    page = camera.page
    page.context.clear_permissions()
    start(page)
    camera.wait_for_text(".mnist-failed",
                         "The camera is not allowed. Click the camera or padlock sign")
    screenshot(page, tmp_path, "camera-not-allowed")
    for name, text in [("NotFoundError", "No camera was found. Plug one in"),
                       ("NotReadableError", "The camera is busy"),
                       ("TypeError", "cannot be used (TypeError: why)")]:
        page.evaluate("""name => { navigator.mediaDevices.getUserMedia =
            () => Promise.reject(Object.assign(new Error("why"), { name })); }""", name)
        start(page)
        camera.wait_for_text(".mnist-failed", text)
    # as on http://
    page.evaluate("() => Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    start(page)
    camera.wait_for_text(".mnist-failed", "secure pages only")


@in_lab
def test_what_lives_in_the_chapters_lives_in_the_page(loaded, page, course, tmp_path):
    """Their other cells are run by pytest itself: notebooks/conftest.py."""
    notebook = loaded
    notebook.open("chapters.ipynb")
    notebook.run_all()
    outputs = notebook.outputs()
    errors = [output for output in outputs if output["output_type"] == "error"]
    assert not errors, errors[0]
    views = [output for output in outputs
             if "application/vnd.jupyter.widget-view+json" in output.get("data", ())]
    cells = [cell.source for cell in nbformat.read(course / "chapters.ipynb", 4).cells]
    shown = sum(any(word in cell for word in LIVE[:3]) for cell in cells)
    assert len(views) == shown > 3
    screenshot(page, tmp_path, "chapters")
    notebook.shut_down()
