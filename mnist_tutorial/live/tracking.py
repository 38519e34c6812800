"""Follow digits from frame to frame."""

from ..reading.box import Box
from ..reading.predict import Prediction

SAME_BOX_IOU = 0.5     # overlap of two boxes above which they show one digit
CONFIRM_FRAMES = 10    # consecutive sure frames before a digit is counted
SHOW_AFTER = 3         # frames in which a digit has to be found before it is drawn ...
KEEP_FOR = 2           # ... and frames without it through which it is kept
NEWEST_WEIGHT = 1 / 6  # of the newest answer in the average drawn: one wrong frame does not show


class Track:
    """One digit, followed from frame to frame."""

    def __init__(self, first: Prediction):
        self.answer = first  # the newest, but all it says is averaged over the last frames
        self.digit = first.digit  # of the newest, as it came, as is its box
        self.seen = self.steady = 0  # frames in which it was found; in a row, with one sure digit
        self.see(first)

    def see(self, newest: Prediction) -> None:
        """Take the answer of the next frame."""
        is_same = newest.sure and newest.digit == self.digit
        self.steady = self.steady + 1 if is_same else int(newest.sure)
        self.seen, self.missed = self.seen + 1, 0
        before, weight = self.answer, max(NEWEST_WEIGHT, 1 / self.seen)
        average = before.probabilities + weight * (newest.probabilities - before.probabilities)
        self.answer = newest._replace(
            digit=int(average.argmax()), confidence=float(average.max()), probabilities=average,
            is_digit=before.is_digit + weight * (newest.is_digit - before.is_digit))
        self.digit, self.box = newest.digit, Box(*newest.box)

    def miss(self) -> None:
        """Note that the digit was not found in the next frame."""
        self.missed, self.steady = self.missed + 1, 0
        if self.missed > KEEP_FOR:
            del self.answer  # only its place is asked for again: keep no images


class Tracker:
    """Steady what is drawn: two boxes that overlap, in consecutive frames, show one digit.

    `tracks` begins with those found in the newest frame, in the order in which they were given.
    `digits` are those that stayed in place and sure for 10 frames; one found again counts once.
    """

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self.digits: list[int] = []
        self._counted: list[Track] = []  # for each digit

    def update(self, predictions: list[Prediction]) -> list[Prediction]:
        """Take the next frame's answers; return those to draw, averaged over about six frames."""
        lost, found = list(self.tracks), []
        for prediction in predictions:
            box = Box(*prediction.box)
            track = max(lost, key=lambda track: track.box.overlap(box), default=None)
            if track is not None and track.box.overlap(box) > SAME_BOX_IOU:
                lost.remove(track)
                track.see(prediction)
            else:
                track = Track(prediction)
            found.append(track)
        for track in lost:
            track.miss()
        self.tracks = found + [track for track in lost if track.missed <= KEEP_FOR]
        for track in [one for one in found if one.steady == CONFIRM_FRAMES]:
            here = [digit for digit, old in zip(self.digits, self._counted) if old is track or (
                old not in self.tracks and old.box.overlap(track.box) > 0)]
            if here[-1:] != [track.digit]:
                self.digits.append(track.digit)
                self._counted.append(track)
        return [track.answer for track in self.tracks if track.seen >= SHOW_AFTER]
