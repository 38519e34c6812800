"""Read digits live: cameras, clips, windows and widgets (chapter 5)."""

from ..errors import RecordError, SourceError
from ..reading.images import IMG
from .browser_camera import BrowserCamera
from .frames import find_cameras, read_frames
from .pad import DrawingPad
from .page import save_page
from .record import load_folder, record, record_sheet
from .webcam import Report, draw_predictions, run

__all__ = ["BrowserCamera", "DrawingPad", "IMG", "RecordError", "Report", "SourceError",
           "draw_predictions", "find_cameras", "load_folder", "read_frames", "record",
           "record_sheet", "run", "save_page"]
