"""The course's errors: each message says what was expected, what came, and what to do."""


class CourseError(Exception):
    """The base class: ``except CourseError`` catches all that the course itself raises."""


class CheckpointError(CourseError, RuntimeError):
    """A file of weights or a checkpoint cannot be used."""


class DatasetError(CourseError, RuntimeError, ValueError):
    """The dataset is missing, damaged or cannot be fetched; or a loader gives no proper batches."""


class ModelError(CourseError, ValueError):
    """A model, its optimizer or its schedule does not fit the images, the labels or one another."""


class SourceError(CourseError, RuntimeError):
    """A source of frames, a camera or a clip, cannot be opened or read."""


class RecordError(CourseError, ValueError):
    """A picture cannot be recorded with its label; nothing was written."""


class ImageError(CourseError, ValueError):
    """A picture cannot be read."""


class NoDigitError(ImageError):
    """A readable picture on which no ink was found."""
