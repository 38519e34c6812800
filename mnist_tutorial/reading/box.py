"""A box around ink: one form of rectangle for everything that is found in an image."""

from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle of whole pixels, as OpenCV has it: x and y of its corner, width and height."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column to the right of it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.top + self.height

    @classmethod
    def around(cls, boxes: "list[Box]") -> "Box":
        """Return the smallest box that holds all of `boxes`, one or more."""
        left, top = min(box.left for box in boxes), min(box.top for box in boxes)
        right, bottom = max(box.right for box in boxes), max(box.bottom for box in boxes)
        return cls(left, top, right - left, bottom - top)

    @property
    def middle(self) -> tuple[float, float]:
        """X and y of its centre."""
        return self.left + self.width / 2, self.top + self.height / 2

    def moved(self, right: int, down: int) -> "Box":
        """Return the box that many pixels further right and down."""
        return self._replace(left=self.left + right, top=self.top + down)

    def scaled(self, factor: float) -> "Box":
        """Return the box in an image that is `factor` times as large."""
        return Box(*(round(side * factor) for side in self))

    def slices(self, margin: int = 0, shape: tuple[int, ...] | None = None) -> tuple[slice, slice]:
        """Return its rows and columns in an array, with a margin, up to the end of that `shape`."""
        height, width = shape or (self.bottom + margin, self.right + margin)
        return (slice(max(0, self.top - margin), min(self.bottom + margin, height)),
                slice(max(0, self.left - margin), min(self.right + margin, width)))

    def gap(self, other: "Box") -> int:
        """Return the distance to another box in pixels, negative where they overlap."""
        return max(max(self.left, other.left) - min(self.right, other.right),
                   max(self.top, other.top) - min(self.bottom, other.bottom))

    def overlap(self, other: "Box") -> float:
        """Return the area that both cover as a share of what either covers (IoU, 0 to 1)."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        both = max(0, width) * max(0, height)
        return both / (self.width * self.height + other.width * other.height - both)
