"""A Jupyter server of its own and a real browser, for the tests of what happens in the page."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat

PATIENCE = 60  # seconds; a busy machine is slow, and waiting ends as soon as its cause is there
PAUSE = 50  # milliseconds between two looks: at each frame, looking would cost more than drawing
TOKEN = "browser-test"


def find_browser():
    """The path of a Chromium that is installed, or None."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for path in map(shutil.which, names) if path), None)


@contextmanager
def jupyter(folder, settings, **environment):
    """Serve a folder to JupyterLab and Notebook, with settings in another; yield the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    news = settings / "lab/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    places = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime",
              "JUPYTER_DATA_DIR": "data", "JUPYTERLAB_SETTINGS_DIR": "lab",
              "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython"}
    folders = {name: str(settings / place) for name, place in places.items()}
    environment = {**os.environ, **folders, **environment}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root",
               f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
               f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}",
               "--LabApp.expose_app_in_browser=True",
               "--JupyterNotebookApp.expose_app_in_browser=True"]
    with open(settings / "server.log", "wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://localhost:{port}"
            _wait_for(f"{address}/api/status?token={TOKEN}", server, settings / "server.log")
            yield address
        finally:
            server.terminate()  # it takes its kernels along
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait_for(url, server, log):
    start = time.monotonic()
    while time.monotonic() - start < PATIENCE and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"no Jupyter server: {log.read_text(errors='replace')[-2000:]}")


def write_notebook(path, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3",
                                       "language": "python"}
    nbformat.write(notebook, path)


class Notebook:
    """A notebook that is open in a page of the browser."""

    def __init__(self, page, address, name, app="lab"):
        self.page, self.app = page, app
        page.set_default_timeout(1000 * PATIENCE)
        where = f"lab/tree/{name}?reset&" if app == "lab" else f"notebooks/{name}?"
        page.goto(f"{address}/{where}token={TOKEN}")
        self._wait("idle")

    def _wait(self, status):  # before the kernel is there, running a cell opens a dialogue
        self.page.wait_for_function(f"""() => {{
            const panel = window.jupyterapp?.shell.currentWidget;
            return panel?.context?.isReady
                && panel.sessionContext?.session?.kernel?.status === "{status}";
        }}""", polling=PAUSE)

    def open(self, name):
        """Close what is open in JupyterLab, open another notebook: quicker than loading a page."""
        self.page.evaluate("""name => {
            const { shell, commands } = window.jupyterapp;
            [...shell.widgets("main")].forEach(widget => widget.dispose()); // unsaved, unasked
            return commands.execute("docmanager:open", { path: name }).then(() => null);
        }""", name)
        self._wait("idle")

    def run_all(self):
        """Run all cells, and wait until they have."""
        self.page.evaluate("() => window.jupyterapp.commands"
                           ".execute('notebook:run-all-cells').then(() => null)")
        self._wait("idle")

    def outputs(self):
        """Return the outputs of all cells, one after the other, as they would be stored."""
        return self.page.evaluate("""() =>
            [...window.jupyterapp.shell.currentWidget.content.model.cells]
            .flatMap(cell => cell.type === "code" ? cell.outputs.toJSON() : [])""")

    def ask(self, code):
        """Run code in the notebook's kernel, outside its cells; return the printed text."""
        return self.page.evaluate("""async code => {
            const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
            let text = "";
            const future = kernel.requestExecute({ code, store_history: false });
            future.onIOPub = ({ header, content }) => {
                if (header.msg_type === "stream") text += content.text;
                if (header.msg_type === "error") text += `${content.ename}: ${content.evalue}`;
            };
            await future.done;
            return text.trim();
        }""", code)

    def restart(self):
        self._kernel("restart")

    def shut_down(self):
        """End the kernel: a small machine has little room for many."""
        self._kernel("shutdown")

    def _kernel(self, command):
        self.page.evaluate(f"""() =>
            window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.{command}()
                .then(() => null)""")

    def draw(self, *strokes):
        """Draw on the pad with the mouse; points are (x, y), 0 to 1 from the upper left corner."""
        sheet = self.page.locator(".mnist-sheet").first
        sheet.hover()  # scrolls to it, and waits until a change of theme has left no splash screen
        box = sheet.bounding_box()
        mouse = self.page.mouse
        for stroke in strokes:
            points = [(box["x"] + x * box["width"], box["y"] + y * box["height"])
                      for x, y in stroke]
            mouse.move(*points[0])
            mouse.down()
            for point in points[1:]:
                mouse.move(*point, steps=8)
            mouse.up()

    def theme(self, name):
        self.page.evaluate("theme => window.jupyterapp.commands"
                           ".execute('apputils:change-theme', { theme })", name)
        light = str("Light" in name).lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")

    def wait_until(self, code, printed):
        """Ask until the kernel prints what is expected."""
        start = time.monotonic()
        while (now := self.ask(code)) != printed:
            assert time.monotonic() - start < PATIENCE, f"{code}: expected {printed}, still {now}"
            self.page.wait_for_timeout(PAUSE)

    def wait_for_text(self, selector, text):
        self.page.wait_for_function(
            "([selector, text]) => [...document.querySelectorAll(selector)]"
            ".some(element => element.textContent.includes(text))", arg=[selector, text],
            polling=PAUSE)


def screenshot(page, folder, name):
    """Keep a picture of the page in $SCREENSHOTS, otherwise in `folder`."""
    folder = Path(os.environ.get("SCREENSHOTS", folder))
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")
