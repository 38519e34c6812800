"""Train better, faster, in several processes; what the guard learns from (chapters 4, 6, 7)."""

from ..model import FastNet
from ..training import Job
from .distributed import Share, SharedJob
from .muon import Muon, orthogonalise
from .nondigits import guard_loaders, nondigits, rare_digits
from .train import RECIPES, train_net, train_seeds

__all__ = ["FastNet", "Job", "Muon", "RECIPES", "Share", "SharedJob", "guard_loaders",
           "nondigits", "orthogonalise", "rare_digits", "train_net", "train_seeds"]
