"""Where the camera looks: slow, sub-pixel pans and zooms."""

import math
import random
from dataclasses import dataclass

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Move:
    """Zoom and centre (0..1 of the free travel) at start and end; `sway` is a hand-held breath, 0 = tripod."""

    zoom: tuple[float, float]
    x: tuple[float, float]
    y: tuple[float, float]
    sway: float = 0.0
    phase: float = 0.0


def ease(u: float) -> float:
    """0..1, gentle at both ends but never quite still."""
    u = min(1.0, max(0.0, u))
    return 0.45 * u + 0.55 * u * u * (3 - 2 * u)


def box_at(move: Move, u: float, picture: tuple[int, int], cover: tuple[float, float]) -> Box:
    """The part of the picture seen at time `u` (0..1), in picture pixels with fractions."""
    k = ease(u)
    zoom = move.zoom[0] + (move.zoom[1] - move.zoom[0]) * k
    width, height = cover[0] / zoom, cover[1] / zoom
    breath = math.sin(math.pi * min(1.0, max(0.0, u))) * move.sway * cover[0]
    left = (move.x[0] + (move.x[1] - move.x[0]) * k) * (picture[0] - width)
    top = (move.y[0] + (move.y[1] - move.y[0]) * k) * (picture[1] - height)
    left += breath * math.sin(5.1 * u + move.phase)
    top += breath * math.sin(6.7 * u + 2 * move.phase)
    left = min(max(0.0, left), picture[0] - width)
    top = min(max(0.0, top), picture[1] - height)
    return left, top, left + width, top + height


def travel(focus: float, reach: float, rng: random.Random) -> tuple[float, float]:
    """Start and end around the point of interest, in either direction."""
    way = rng.choice((-1, 1)) * reach * rng.uniform(0.6, 1.0)
    return tuple(min(1.0, max(0.0, focus + part)) for part in (-way, way))  # type: ignore[return-value]


def free_move(focus: tuple[float, float], room: tuple[float, float], rng: random.Random) -> Move:
    """A push in, a pull out or a glide; `room`: how much wider and taller than the frame the picture is (1 = none)."""
    zoom = rng.choice(((1.02, 1.17), (1.19, 1.03), (1.06, 1.2), (1.13, 1.13)))
    if max(room) > 1.3:  # already a tight crop: glide rather than push
        zoom = rng.choice(((1.0, 1.06), (1.07, 1.0)))
    reach = [0.42 if side < 1.05 else min(0.42, 0.1 / (side - 1)) for side in room]
    return Move(zoom, travel(focus[0], reach[0], rng), travel(focus[1], reach[1], rng), 0.002, rng.uniform(0, 6.28))


def from_rest(rng: random.Random) -> Move:
    """Starts exactly on the cover crop, then moves in: the first frame is the given image."""
    return Move((1.0, rng.uniform(1.09, 1.14)), (0.5, rng.uniform(0.3, 0.7)), (0.5, rng.uniform(0.3, 0.7)))


def to_rest(rng: random.Random) -> Move:
    """Ends exactly on the cover crop: the last frame is the given image."""
    start = from_rest(rng)
    return Move(start.zoom[::-1], start.x[::-1], start.y[::-1])
