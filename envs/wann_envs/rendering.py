"""Pictures of environments: smooth flat shapes in plain numpy, a fraction of a millisecond each.

A shape is its signed distance function (Quilez, "2D distance functions"); a pixel is covered by
how far its centre lies inside, which gives smooth edges. Only a shape's surroundings are touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Canvas", "SwingUpPicture"]

Colour = tuple[int, int, int]
Point = tuple[float, float]
FloatArray = NDArray[np.floating]
Distance = Callable[[FloatArray, FloatArray], FloatArray]

_PAPER: Final[Colour] = (247, 248, 250)
_RAIL: Final[Colour] = (52, 62, 78)
_TICK: Final[Colour] = (206, 212, 220)
_GOAL: Final[Colour] = (65, 171, 93)
_CART: Final[Colour] = (66, 133, 190)
_WHEEL: Final[Colour] = (38, 46, 60)
_POLE: Final[Colour] = (242, 165, 65)
_FORCE: Final[Colour] = (225, 87, 76)


class Canvas:
    """An RGB picture to draw smooth shapes on; points are (column, row) in pixels.

    Attributes:
        pixels: uint8[height, width, 3].
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels

    def disc(self, centre: Point, radius: float, colour: Colour) -> None:
        """A filled circle."""
        self.line(centre, centre, radius, colour)

    def line(self, start: Point, end: Point, radius: float, colour: Colour) -> None:
        """A straight line with round ends."""
        run, rise = end[0] - start[0], end[1] - start[1]
        square = max(run * run + rise * rise, 1e-9)

        def distance(x: FloatArray, y: FloatArray) -> FloatArray:
            dx, dy = x - start[0], y - start[1]
            part = np.clip((dx * run + dy * rise) / square, 0, 1)
            across, down = dx - part * run, dy - part * rise
            return np.asarray(np.sqrt(across * across + down * down) - radius)

        self._fill([start, end], radius, distance, colour)

    def ring(self, centre: Point, radius: float, thickness: float, colour: Colour) -> None:
        """The outline of a circle."""

        def distance(x: FloatArray, y: FloatArray) -> FloatArray:
            dx, dy = x - centre[0], y - centre[1]
            return np.asarray(np.abs(np.sqrt(dx * dx + dy * dy) - radius) - thickness / 2)

        self._fill([centre], radius + thickness, distance, colour)

    def box(self, centre: Point, half: Point, corner: float, colour: Colour) -> None:
        """A rectangle of half sizes ``half`` with round corners."""

        def distance(x: FloatArray, y: FloatArray) -> FloatArray:
            dx = np.abs(x - centre[0]) - (half[0] - corner)
            dy = np.abs(y - centre[1]) - (half[1] - corner)
            outside = np.sqrt(np.maximum(dx, 0) ** 2 + np.maximum(dy, 0) ** 2)
            return np.asarray(outside + np.minimum(np.maximum(dx, dy), 0) - corner)

        self._fill([centre], max(half), distance, colour)

    def arrow(self, start: Point, length: float, radius: float, colour: Colour) -> None:
        """A level arrow: to the right for a positive length, to the left for a negative one."""
        way, head = math.copysign(1.0, length), min(abs(length), 5 * radius)
        tip = start[0] + length
        neck = (tip - way * head, start[1])
        self.line(start, neck, radius, colour)

        def distance(x: FloatArray, y: FloatArray) -> FloatArray:
            ahead = way * (x - neck[0])
            slope = (ahead + np.abs(y - start[1]) * 1.5 - head) / math.hypot(1, 1.5)
            return np.asarray(np.maximum(-ahead, slope))

        self._fill([neck, (tip, start[1])], head, distance, colour)

    def _fill(self, points: list[Point], reach: float, distance: Distance, colour: Colour) -> None:
        height, width, _ = self.pixels.shape
        left, right = _span([point[0] for point in points], reach, width)
        top, bottom = _span([point[1] for point in points], reach, height)
        if left >= right or top >= bottom:
            return
        x = np.arange(left, right, dtype=np.float32)[None, :] + np.float32(0.5)
        y = np.arange(top, bottom, dtype=np.float32)[:, None] + np.float32(0.5)
        covered = np.clip(0.5 - distance(x, y), 0, 1)[:, :, None]
        patch = self.pixels[top:bottom, left:right]
        mixed = patch + covered * (np.array(colour, np.float32) - patch)
        patch[...] = np.rint(mixed).astype(np.uint8)


def _span(centres: list[float], reach: float, size: int) -> tuple[int, int]:
    first, last = min(centres) - reach - 1, max(centres) + reach + 2
    return int(min(max(first, 0), size)), int(min(max(last, 0), size))


class SwingUpPicture:
    """Draws the cart-pole: what never moves once, the rest for each frame.

    Args:
        track: the cart's farthest distance from the middle (m).
        pole_length: m.
    """

    width: Final = 600
    height: Final = 400

    def __init__(self, track: float, pole_length: float) -> None:
        self._track, self._length = track, pole_length
        # Wide enough for a level pole at either end, high enough for one turning.
        around = track + max(pole_length, 0.4) + 0.05
        self._scale = min(self.width / (2 * around), 0.42 * self.height / pole_length)
        self._hub_row = 0.52 * self.height
        self._cart = (0.25 * self._scale, 0.13 * self._scale)
        self._background = np.empty((self.height, self.width, 3), np.uint8)
        self._background[:] = _PAPER
        self._draw_background(Canvas(self._background))

    def frame(self, x: float, angle: float, action: float) -> NDArray[np.uint8]:
        """One frame uint8[400, 600, 3].

        Args:
            x: position of the cart (m).
            angle: of the pole (rad), 0 upright, counterclockwise.
            action: force in [-1, 1]; beyond is clipped.
        """
        pixels = self._background.copy()
        if math.isfinite(x) and math.isfinite(angle):
            self._draw_cart(Canvas(pixels), x, angle, action)
        return pixels

    def _column(self, x: float) -> float:
        return self.width / 2 + x * self._scale

    def _draw_background(self, canvas: Canvas) -> None:
        rail = self._hub_row + self._cart[1] + 0.1 * self._scale
        for tick in np.arange(-math.floor(2 * self._track), math.floor(2 * self._track) + 1) / 2:
            size = 10 if tick == round(tick) else 5
            column = self._column(float(tick))
            canvas.line((column, rail + 10), (column, rail + 10 + size), 0.9, _TICK)
        canvas.ring((self._column(0), self._hub_row - self._length * self._scale), 9, 2, _GOAL)
        end = self._column(self._track) + self._cart[0] - self.width / 2
        middle = self.width / 2
        canvas.line((middle - end, rail), (middle + end, rail), 2.5, _RAIL)
        for side in (-1, 1):
            # The cart touches a stop where its middle is at the end of the track.
            canvas.box((middle + side * (end + 5), rail - 11), (5, 14), 3, _RAIL)

    def _draw_cart(self, canvas: Canvas, x: float, angle: float, action: float) -> None:
        hub = (self._column(x), self._hub_row)
        reach = self._length * self._scale
        tip = (hub[0] - reach * math.sin(angle), hub[1] - reach * math.cos(angle))
        half = self._cart
        push = min(max(action, -1.0), 1.0)
        if abs(push) > 0.02:
            edge = (hub[0] + math.copysign(half[0] + 6, push), hub[1])
            canvas.arrow(edge, push * 0.5 * self._scale, 2.5, _FORCE)
        for side in (-1, 1):
            wheel = (hub[0] + side * 0.6 * half[0], hub[1] + half[1])
            canvas.disc(wheel, 0.08 * self._scale, _WHEEL)
        canvas.box(hub, half, 0.05 * self._scale, _CART)
        canvas.line(hub, tip, 0.04 * self._scale, _POLE)
        canvas.disc(hub, 0.055 * self._scale, _WHEEL)
        canvas.disc(hub, 0.02 * self._scale, _PAPER)
