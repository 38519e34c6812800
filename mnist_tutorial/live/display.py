"""Where frames are shown: in a window, below a notebook's cell, or nowhere."""

import base64
import functools
import os
import subprocess
import sys
import time
from contextlib import suppress

import cv2
import numpy as np

WINDOW = "MNIST webcam: press q to stop"
PROBE_TIMEOUT = 20  # seconds: a slow machine takes 5 to import OpenCV
QUIT_KEYS = (ord("q"), ord("Q"), 27)  # 27 is Esc
INLINE_PERIOD = 1 / 30  # seconds between two images; a notebook that is sent more falls behind
INLINE_WIDTH, JPEG_QUALITY = 640, 70  # pixels at most, and 0 to 100: a frame has 20 to 40 KB


@functools.cache
def has_display() -> bool:
    """Find out if OpenCV can open a window, in another process: if not, OpenCV aborts it."""
    probe = [sys.executable, "-c", "import cv2; cv2.namedWindow('probe')"]
    with suppress(subprocess.TimeoutExpired):  # a display may accept and say nothing
        return not subprocess.run(probe, capture_output=True, timeout=PROBE_TIMEOUT).returncode
    return False


def choose_screen(show: str | None) -> str | None:
    """Turn 'auto' into a key of `SCREENS`; ValueError if unknown, RuntimeError if unusable."""
    if show == "auto":
        return "inline" if _in_notebook() else "window" if has_display() else None
    if show not in SCREENS:
        raise ValueError(f"show: expected 'auto', 'window', 'inline' or None, got {show!r}")
    if show == "window" and not has_display():
        raise RuntimeError("show='window': no display here; use 'inline' in a notebook, or None")
    if show == "inline" and not _in_notebook():
        raise RuntimeError("show='inline' needs a notebook; use 'window', or None to show nothing")
    return show


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    return hasattr(ipython and ipython.get_ipython(), "kernel")


class Screen:
    """Show nothing, nowhere; the screens below do more."""

    def show(self, picture: np.ndarray) -> str | None:
        """Show a uint8 array (H, W, 3), BGR; return why to stop: 'q', 'window closed' or None."""
        return None

    def close(self) -> None:
        """Release what is open; the last picture is shown by then."""


class Window(Screen):
    """Show pictures in a window of the desktop, until a key or its X ends it."""

    def __init__(self):
        os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false")  # Qt misses fonts nobody uses

    def show(self, picture: np.ndarray) -> str | None:
        """Show a picture, then see to keys and to the window's X; see :meth:`Screen.show`."""
        cv2.imshow(WINDOW, picture)
        if cv2.waitKey(1) & 0xFF in QUIT_KEYS:
            return "q"
        with suppress(cv2.error):  # some window libraries raise this when the window is closed
            if cv2.getWindowProperty(WINDOW, cv2.WND_PROP_VISIBLE) >= 1:
                return None
        return "window closed"

    def close(self) -> None:
        """Close the window."""
        with suppress(cv2.error):  # closed already, or never opened
            cv2.destroyWindow(WINDOW)
            cv2.waitKey(1)  # it goes when events are handled


class Inline(Screen):
    """Show one picture below the notebook's cell, and replace it as often as a notebook can."""

    def __init__(self):
        from IPython.display import DisplayHandle
        self._handle, self._due, self._unsent = DisplayHandle(), 0.0, None
        self._send = self._handle.display  # the first time; then the picture is replaced

    def show(self, picture: np.ndarray) -> None:
        """Send a picture (H, W, 3) if it is time for one, otherwise keep it."""
        now, self._unsent = time.perf_counter(), picture
        if now > self._due - INLINE_PERIOD / 2:  # half a period: cameras do not tick evenly
            self._flush()
            self._due = max(self._due, now) + INLINE_PERIOD

    def close(self) -> None:
        """Send the last picture, even if its turn has not come."""
        if self._unsent is not None:
            self._flush()

    def _flush(self) -> None:
        self._send({"image/jpeg": _jpeg(self._unsent)}, raw=True)  # no text that would be stored
        self._send, self._unsent = self._handle.update, None


def _jpeg(picture: np.ndarray) -> str:
    shrink = min(1.0, INLINE_WIDTH / picture.shape[1])
    picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return base64.b64encode(content.tobytes()).decode()


SCREENS: dict[str | None, type[Screen]] = {"window": Window, "inline": Inline, None: Screen}
