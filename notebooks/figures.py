"""Do two figures show the same? Fonts of another matplotlib may move them by a pixel or two."""

import base64
from functools import cache

import cv2
import numpy as np

SIZE_TOLERANCE = 6                     # pixels, of a side
REDUCED, LEVEL_TOLERANCE = (16, 16), 2.0  # what is compared; grey levels, on average


@cache
def decode(png):
    """Decode a figure as a notebook stores it, base64 of PNG: uint8 (H, W, 3)."""
    data = np.frombuffer(base64.b64decode(png), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def unlike(ours, theirs):
    """Tell how two stored figures differ, in size or reduced to 16x16; give None if they don't."""
    ours, theirs = decode(ours), decode(theirs)
    if np.abs(np.subtract(ours.shape, theirs.shape)).max() > SIZE_TOLERANCE:
        return f"a figure of {ours.shape}, stored is one of {theirs.shape}"
    small, stored = (cv2.resize(figure, REDUCED, interpolation=cv2.INTER_AREA).astype(float)
                     for figure in (ours, theirs))
    if (difference := np.abs(small - stored).mean()) > LEVEL_TOLERANCE:
        return f"a figure differs from the stored one by {difference:.1f} grey levels"
    return None
