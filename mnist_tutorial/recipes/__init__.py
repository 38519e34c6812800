"""Train better, faster, in several processes; what the guard learns from (chapters 4, 6, 7)."""

from ..model import FastNet
from ..training import Job
from .distributed import Share, SharedJob
from .hand import LearnedHand, learn_hand
from .muon import Muon, orthogonalise
from .nondigits import drawn_digits, guard_loaders, nondigits, world_loaders
from .train import RECIPES, train_net, train_seeds

__all__ = ["FastNet", "Job", "LearnedHand", "Muon", "RECIPES", "Share", "SharedJob", "drawn_digits",
           "guard_loaders", "learn_hand", "nondigits", "orthogonalise", "train_net", "train_seeds",
           "world_loaders"]
