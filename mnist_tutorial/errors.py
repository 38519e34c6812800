"""The course's errors: each message says what was expected, what came, and what to do.

    CourseError
    ├── CheckpointError   weights or a checkpoint                  (also a RuntimeError)
    ├── DatasetError      MNIST's files                            (also a RuntimeError)
    ├── SourceError       a camera, a clip                         (also a RuntimeError)
    ├── RecordError       a picture to be saved with its label     (also a ValueError)
    └── ImageError        a picture to be read                     (also a ValueError)
        └── NoDigitError  a readable picture without ink
"""


class CourseError(Exception):
    """The base class: ``except CourseError`` catches all that the course itself raises."""


class CheckpointError(CourseError, RuntimeError):
    """A file of weights or a checkpoint cannot be used."""


class DatasetError(CourseError, RuntimeError):
    """The dataset is missing, damaged or cannot be fetched."""


class SourceError(CourseError, RuntimeError):
    """A source of frames cannot be opened or read."""


class RecordError(CourseError, ValueError):
    """A picture cannot be recorded; nothing was written."""


class ImageError(CourseError, ValueError):
    """A picture cannot be read."""


class NoDigitError(ImageError):
    """A readable picture on which no ink was found."""
