"""Read digits live: cameras, clips, windows and widgets (chapter 5)."""

from ..errors import RecordError, SourceError
from .browser_camera import BrowserCamera
from .frames import find_cameras, read_frames
from .pad import DrawingPad
from .record import record
from .webcam import Report, draw_predictions, run

__all__ = ["BrowserCamera", "DrawingPad", "RecordError", "Report", "SourceError",
           "draw_predictions", "find_cameras", "read_frames", "record", "run"]
