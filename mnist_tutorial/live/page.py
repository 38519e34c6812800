"""Take a network along: one file with a pad that answers on any phone, without a server."""

import html
import json
import zlib
from base64 import b64encode
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..checkpoint import write_atomically
from ..model import FastNet, Guard, Net
from ..reading import load_guard
from ..reading.predict import SURE
from .widget import static

BITS, FEWER_BITS = 8, {FastNet: 7, Guard: 4}  # of a weight; fewer in large networks
MIN_SCALE = 1e-9  # of an output whose weights are all 0
NOT_IN_PAGE = "/* The camera. */"  # where the part of live.css begins that the page does without


def save_page(model: nn.Module, path: str | Path, *, title: str = "Draw a digit",
              exact: bool = False) -> None:
    """Write a web page that holds a Net or FastNet, and answers what is drawn in it.

    It is one file of less than 150 KB (500 KB with a GPU's FastNet), which opens by itself on any
    phone or computer and asks nothing of the internet: a pad, what the network sees, ten bars, and
    "not sure", for it holds the guard too. A photo's digit is put on the pad. A weight is a whole
    number of 8 bits there, times a scale for each of a layer's outputs (7 bits in a FastNet, 4 in
    the guard); if `exact` it is float32, and the file 80 to 220 KB larger.

    A file that is there is replaced; an OSError says that it cannot be written. Another network is
    a TypeError: the page knows only the layers of these.
    """
    if not isinstance(model, (Net, FastNet)):
        raise TypeError(f"expected a Net or FastNet, got {type(model).__name__}: the page can "
                        "compute only these; take torch.onnx.export for other networks")
    numbers = {"name": getattr(model, "weights_name", type(model).__name__), "sure": SURE,
               "network": pack(model, exact), "guard": pack(load_guard())}
    parts = {"style": static("live.css").split(NOT_IN_PAGE)[0].strip(),
             "numbers": json.dumps(numbers, separators=(",", ":")).replace("<", "\\u003c"),
             "script": static("common.js", "pad.js", "digits.js", "photo.js", "page.js").replace(
                 "export default { render };\n", ""),
             "title": html.escape(title)}  # last: whatever is in it is filled in no more
    page = static("page.html")
    for name, text in parts.items():
        page = page.replace(f"{{{name}}}", text)
    write_atomically(path, page.encode())


def pack(model: nn.Module, exact: bool = False) -> list[dict]:
    """Describe a network's layers, in order, with their numbers as text; float32 if `exact`."""
    bits = FEWER_BITS.get(type(model), BITS)
    layers: list[dict] = []
    flat_last = isinstance(model, FastNet)  # whose maps are flattened pixel by pixel
    for part in model.modules():
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            weights, bias = (each.detach().cpu().float() for each in part.parameters())
            if flat_last and isinstance(part, nn.Linear):
                weights = weights.unflatten(1, (-1, layers[-2]["shape"][0]))
                weights, flat_last = weights.transpose(1, 2).flatten(1), False
            layers.append({"kind": "linear", **_packed(weights, None if exact else bits),
                           "bias": _short(bias)})
            if isinstance(part, nn.Conv2d):
                layers[-1].update(kind="convolution", stride=part.stride[0])
        elif isinstance(part, nn.ReLU):
            layers.append({"kind": "relu"})
        elif isinstance(part, nn.MaxPool2d):
            layers.append({"kind": "pool"})
    return layers


def _packed(weights: torch.Tensor, bits: int | None) -> dict:
    """Write weights (outputs, ...) as text: frequent bytes as few bits (Huffman), in base64."""
    rows: np.ndarray = weights.flatten(1).numpy().astype("<f4")
    packed: dict[str, Any] = {"shape": list(weights.shape)}
    if bits:
        scales = np.abs(rows).max(axis=1, keepdims=True).clip(MIN_SCALE) / (2 ** (bits - 1) - 1)
        rows, packed["scales"] = (rows / scales).round().astype(np.int8), _short(scales, 5)
    huffman = zlib.compressobj(strategy=zlib.Z_HUFFMAN_ONLY)
    content = huffman.compress(rows.tobytes()) + huffman.flush()
    return {**packed, "packed": b64encode(content).decode()}


def _short(numbers: torch.Tensor | np.ndarray, digits: int = 9) -> list[float]:
    """List float32 numbers with so many digits; nine tell each from all others."""
    return [float(f"{number:.{digits}g}") for number in numbers.flatten().tolist()]
