"""What moves over the picture: a drifting glow, film grain and floating motes. Limited-range planes throughout.

Glow and grain use `add_modulo`, three times cheaper than a clamped add: luma lies in 16..235, the layers change it by
less than the head-room on either side, so nothing wraps.
"""

import math
import random
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageChops, ImageFilter

GLOW = 13  # brightest added luma; 235 + 13 + grain stays below 256
GRAIN = 3  # largest grain step


@cache
def disc() -> Image.Image:
    """White in the middle, black at the rim, smooth between ("L", 256x256)."""
    return ImageChops.invert(Image.radial_gradient("L")).point(lambda v: round(v * v / 255 * (3 - 2 * v / 255)))


def blob(size: tuple[int, int], centre: tuple[float, float], radius: tuple[float, float]) -> Image.Image:
    """A soft white ellipse on black ("L")."""
    soft = disc().resize((max(2, round(2 * radius[0])), max(2, round(2 * radius[1]))), Image.Resampling.BICUBIC)
    canvas = Image.new("L", size)
    canvas.paste(soft, (round(centre[0] - radius[0]), round(centre[1] - radius[1])))
    return canvas


@dataclass(frozen=True)
class Glow:
    """A wide strip, dark at its ends, of which a window slides past: light comes, wanders, goes."""

    y: Image.Image
    cb: Image.Image
    cr: Image.Image
    start: float
    end: float
    leftward: bool

    def offset(self, u: float, width: int) -> int:
        """Left edge of the window at time `u` (0..1), even, in luma pixels."""
        k = u if self.leftward else 1 - u
        return round((self.start + (self.end - self.start) * k) * width / 2) * 2


def make_glow(width: int, height: int, rest_start: bool, rest_end: bool, rng: random.Random) -> Glow:
    """At rest the window is over the dark end, so a given first or last image is shown as it is."""
    strip = Image.new("L", (3 * width // 8, height // 8))
    for _ in range(3):
        centre = (strip.width * rng.uniform(0.42, 0.58), strip.height * rng.uniform(0.0, 0.9))
        radius = (strip.width * rng.uniform(0.12, 0.2), strip.height * rng.uniform(0.5, 0.9))
        strip = ImageChops.lighter(strip, blob(strip.size, centre, radius))
    strip = strip.filter(ImageFilter.GaussianBlur(6))
    warm = rng.uniform(0.4, 1.0) * rng.choice((1, 1, -1))

    def layer(size: tuple[int, int], gain: float) -> Image.Image:
        return strip.resize(size, Image.Resampling.BICUBIC).point(lambda v: round(v / 255 * gain) % 256)

    half = (3 * width // 2, height // 2)
    leftward = rng.random() < 0.5
    begin, finish = (rest_start, rest_end) if leftward else (rest_end, rest_start)
    start, end = (0.0 if begin else 0.45), (2.0 if finish else 1.55)
    return Glow(layer((3 * width, height), GLOW), layer(half, -5 * warm), layer(half, 6 * warm), start, end, leftward)


def make_grain(width: int, height: int, rng: random.Random) -> Image.Image:
    """Signed grain modulo 256, larger than the frame so that each frame takes another window of it."""
    tile = Image.effect_noise((width // 2 + 64, height // 2 + 64), 44).filter(ImageFilter.GaussianBlur(0.6))
    tile = tile.point(lambda v: max(-GRAIN, min(GRAIN, round((v - 128) / 12))) % 256)
    wide = Image.new("L", (tile.width * 2, tile.height * 2))
    for i in range(4):  # four different quarters: the eye finds repeats
        part = tile.rotate(180 * (i % 2)) if i < 2 else tile.transpose(Image.Transpose(i % 2))
        wide.paste(part, ((i % 2) * tile.width, (i // 2) * tile.height))
    return wide


@dataclass(frozen=True)
class Mote:
    """One speck of dust, snow or rain: where it starts (pixels), how it moves (pixels a second), how it twinkles."""

    x: float
    y: float
    vx: float
    vy: float
    size: int
    phase: float
    pulse: float


def make_motes(count: int, drift: tuple[float, float], width: int, height: int, rng: random.Random) -> list[Mote]:
    """`drift` is in pixels a second at 720 lines."""
    scale = min(width, height) / 720
    motes = []
    for _ in range(count):
        near = rng.random() ** 2
        speed = (0.5 + 1.3 * near) * scale
        vx, vy = drift[0] * speed + rng.uniform(-3, 3) * scale, drift[1] * speed + rng.uniform(-3, 3) * scale
        size = max(3, round((4 + 13 * near) * scale))
        place = rng.uniform(0, width), rng.uniform(0, height)
        motes.append(Mote(*place, vx, vy, size, rng.uniform(0, 6.28), rng.uniform(0.5, 1.6)))
    return motes


class Sprites:
    """Soft discs at quarter-pixel positions and a few brightnesses, made on demand and kept."""

    def __init__(self) -> None:
        self.made: dict[tuple[int, ...], Image.Image] = {}

    def shape(self, size: int, sub_x: int, sub_y: int) -> Image.Image:
        key = (size, sub_x, sub_y)
        if key not in self.made:
            big = 4 * (2 * size + 2)
            self.made[key] = blob(
                (big, big), (4 * size + 4 + sub_x, 4 * size + 4 + sub_y), (3.6 * size, 3.6 * size)
            ).reduce(4)
        return self.made[key]

    def get(self, size: int, sub_x: int, sub_y: int, level: int) -> Image.Image:
        key = (size, sub_x, sub_y, level)
        if key not in self.made:
            shades = [round(v / 255 * level * 6) for v in range(256)]
            self.made[key] = self.shape(size, sub_x, sub_y).point(shades)
        return self.made[key]


def float_motes(y: Image.Image, motes: list[Mote], sprites: Sprites, t: float, gain: float) -> None:
    """Draw the motes of time `t` (seconds) onto the luma plane, in place; `gain` 0..1 fades all of them."""
    for mote in motes:
        level = round(gain * (9 if mote.size < 8 else 6) * (0.6 + 0.4 * math.sin(mote.pulse * t + mote.phase)))
        if level <= 0:
            continue
        side = 2 * mote.size + 2
        x = (mote.x + mote.vx * t + 4 * math.sin(0.7 * t + mote.phase)) % (y.width + 2 * side) - 2 * side
        top = (mote.y + mote.vy * t + 3 * math.sin(0.9 * t + 2 * mote.phase)) % (y.height + 2 * side) - 2 * side
        left_px, top_px = math.floor(x), math.floor(top)
        sprite = sprites.get(mote.size, int(4 * (x - left_px)), int(4 * (top - top_px)), level)
        box = (left_px, top_px, left_px + sprite.width, top_px + sprite.height)
        y.paste(ImageChops.add(y.crop(box), sprite), box[:2])
