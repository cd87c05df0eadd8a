"""A picture prepared for the camera: enlarged once, turned into BT.709 video planes, coloured by the seed."""

import math
from dataclasses import dataclass

from PIL import Image, ImageFilter

DENSITY = 1.06  # staged pixels per output pixel at zoom 1: little to resample, and no softness when zoomed in


@dataclass(frozen=True)
class Staged:
    """Luma at full size, the two chroma planes at half size; all in 8-bit limited range."""

    y: Image.Image
    cb: Image.Image
    cr: Image.Image

    def cover(self, width: int, height: int) -> tuple[float, float]:
        """Size of the largest box with the output's shape, in staged pixels."""
        box_width = min(self.y.width, self.y.height * width / height)
        return box_width, box_width * height / width


def matrix(hue: float = 0.0, saturation: float = 1.0, exposure: float = 1.0) -> tuple[float, ...]:
    """RGB to limited-range BT.709 Y'CbCr in one 3x4 matrix, with a hue turn (radians) folded in."""
    luma = (0.2126, 0.7152, 0.0722)
    blue = [(float(i == 2) - luma[i]) / 1.8556 * 224 / 255 * saturation for i in range(3)]
    red = [(float(i == 0) - luma[i]) / 1.5748 * 224 / 255 * saturation for i in range(3)]
    cos, sin = math.cos(hue), math.sin(hue)
    rows = (
        [part * 219 / 255 * exposure for part in luma] + [16.0],
        [cos * b - sin * r for b, r in zip(blue, red, strict=True)] + [128.0],
        [sin * b + cos * r for b, r in zip(blue, red, strict=True)] + [128.0],
    )
    return tuple(number for row in rows for number in row)


def continue_wall(image: Image.Image, width: int, height: int) -> Image.Image:
    """Bring a picture with a plain background close to the output's shape by drawing its edges on, softly."""
    side = image.size
    size = (max(side[0], round(side[1] * width / height * 0.9)), max(side[1], round(side[0] * height / width * 0.75)))
    left, top = (size[0] - side[0]) // 2, (size[1] - side[1]) // 2
    canvas = Image.new("RGB", size)
    if left:
        canvas.paste(image.crop((0, 0, 3, side[1])).resize((left + 8, side[1])), (0, 0))
        canvas.paste(
            image.crop((side[0] - 3, 0, side[0], side[1])).resize((left + 8, side[1])), (left + side[0] - 8, 0)
        )
    if top:
        canvas.paste(image.crop((0, 0, side[0], 3)).resize((side[0], top + 8)), (0, 0))
        canvas.paste(image.crop((0, side[1] - 3, side[0], side[1])).resize((side[0], top + 8)), (0, top + side[1] - 8))
    canvas = canvas.filter(ImageFilter.GaussianBlur(5))
    canvas.paste(image, (left, top))
    return canvas


def stage(image: Image.Image, width: int, height: int, colours: tuple[float, ...] | None = None) -> Staged:
    """Enlarge `image` so that its cover crop is `DENSITY` times the output, and split it into planes."""
    scale = DENSITY * max(width / image.width, height / image.height)
    size = tuple(max(2, math.ceil(side * scale / 2) * 2) for side in image.size)
    big = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    if scale > 1.3:
        big = big.filter(ImageFilter.UnsharpMask(radius=1.2 * scale, percent=55, threshold=5))
    y, cb, cr = big.convert("RGB", colours or matrix()).split()
    return Staged(y, cb.reduce(2), cr.reduce(2))
