"""What a network gets wrong, and why (chapter 8)."""
# ruff: noqa: I001  (long imports run on over few lines)

from .. import late
from .calibration import (Reliability, calibrate, expected_calibration_error, fit_temperature,
                          logits_of, reliability)
from .distortions import DISTORTIONS, robustness, turn
from .inside import layer_outputs, saliency
from .mistakes import confusion, least_likely_labels, surest_errors

# These need matplotlib, which takes half a second to import: they come when they are asked for.
_FIGURES = {"descent": ("descend", "show_descent"),
            "diagrams": ("show_convolution", "show_network", "show_values"),
            "plots": ("show_confusion", "show_embedding", "show_layers", "show_reliability",
                      "show_robustness", "show_saliency")}
__all__ = ["DISTORTIONS", "Reliability", "calibrate", "confusion", "descend",
           "expected_calibration_error", "fit_temperature", "layer_outputs", "least_likely_labels",
           "logits_of", "reliability", "robustness", "saliency", "show_confusion",
           "show_convolution", "show_descent", "show_embedding", "show_layers", "show_network",
           "show_reliability", "show_robustness", "show_saliency", "show_values", "surest_errors",
           "turn"]
__getattr__ = late(__name__, _FIGURES)
__dir__ = __all__.copy  # what the Tab key offers
