"""What a network gets wrong, and why (chapter 8)."""
# ruff: noqa: I001  (long imports run on over few lines)

from .calibration import (Reliability, calibrate, expected_calibration_error, fit_temperature,
                          logits_of, reliability)
from .distortions import DISTORTIONS, robustness, turn
from .inside import layer_outputs, saliency
from .mistakes import confusion, least_likely_labels, surest_errors
from .plots import (show_confusion, show_embedding, show_layers, show_reliability,
                    show_robustness, show_saliency)

__all__ = ["DISTORTIONS", "Reliability", "calibrate", "confusion", "expected_calibration_error",
           "fit_temperature", "layer_outputs", "least_likely_labels", "logits_of", "reliability",
           "robustness", "saliency", "show_confusion", "show_embedding", "show_layers",
           "show_reliability", "show_robustness", "show_saliency", "surest_errors", "turn"]
