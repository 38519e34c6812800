"""Follow digits from frame to frame."""

from __future__ import annotations

from ..reading.box import Box
from ..reading.predict import Prediction

SAME_BOX_IOU = 0.5     # overlap of two boxes above which they show one digit
SHOW_AFTER = 3         # frames in which a digit has to be found before it is drawn ...
KEEP_FOR = 2           # ... and frames without it through which it is kept
NEWEST_WEIGHT = 1 / 6  # of the newest answer in the average drawn: one wrong frame does not show


class Track:
    """One digit, followed from frame to frame.

    Attributes
    ----------
    newest, answer : Prediction
        As it came; and with digit, confidence and probabilities averaged over the last frames.
    seen, missed, steady : int
        Frames in which it was found; since then; and up to now in a row, with one sure digit.
    """

    def __init__(self, first: Prediction):
        self.answer, self.newest = first, first
        self.seen, self.missed, self.steady = 1, 0, int(first.sure)

    def overlap(self, prediction: Prediction) -> float:
        """Return the overlap, 0 to 1, of this digit's newest box with that of a prediction."""
        return Box(*self.newest.box).overlap(Box(*prediction.box))

    def see(self, newest: Prediction) -> None:
        """Take the answer of the next frame."""
        is_same = newest.sure and newest.digit == self.newest.digit
        self.steady = self.steady + 1 if is_same else int(newest.sure)
        self.seen, self.missed = self.seen + 1, 0
        before, weight = self.answer, max(NEWEST_WEIGHT, 1 / self.seen)
        average = before.probabilities + weight * (newest.probabilities - before.probabilities)
        self.answer = newest._replace(
            digit=int(average.argmax()), confidence=float(average.max()), probabilities=average,
            is_digit=before.is_digit + weight * (newest.is_digit - before.is_digit))
        self.newest = newest

    def miss(self) -> None:
        """Note that the digit was not found in the next frame."""
        self.missed, self.steady = self.missed + 1, 0


class Tracker:
    """Steady what is drawn: two boxes that overlap, in consecutive frames, show one digit.

    `tracks` begins with those found in the newest frame, in the order in which they were given.
    """

    def __init__(self) -> None:
        self.tracks: list[Track] = []

    def update(self, predictions: list[Prediction]) -> list[Prediction]:
        """Take the next frame's answers; return those to draw, averaged over about six frames."""
        lost, found = list(self.tracks), []
        for prediction in predictions:
            track = max(lost, key=lambda track: track.overlap(prediction), default=None)
            if track is not None and track.overlap(prediction) > SAME_BOX_IOU:
                lost.remove(track)
                track.see(prediction)
            else:
                track = Track(prediction)
            found.append(track)
        for track in lost:
            track.miss()
        self.tracks = found + [track for track in lost if track.missed <= KEEP_FOR]
        return [track.answer for track in self.tracks if track.seen >= SHOW_AFTER]
