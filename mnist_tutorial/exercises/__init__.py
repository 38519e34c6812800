"""Exercises that answer: a check for each, which names the usual slip (all chapters)."""

from .check import check_exercise, find_slip, progress

__all__ = ["check_exercise", "find_slip", "progress"]
