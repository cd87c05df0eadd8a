"""Whether an image has the shape and the size that a model wants, in words and numbers, and which cut would help."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd
from typing import Any

from ..models import Upload
from ..specs import Media, ModelSpec, Picture

NEAR = 0.03  # of a shape: 864 × 496 counts as 16:9
KNOWN = (
    (16, 9), (9, 16), (1, 1), (4, 3), (3, 4), (3, 2), (2, 3), (5, 4), (4, 5), (21, 9), (9, 21), (5, 2), (2, 5), (4, 1), (1, 4),
)  # fmt: skip
SHAPED_BY = {"aspect_ratio", "size", "orientation"}  # a model without one of them follows its image
RATIO = re.compile(r"([1-9]\d?):([1-9]\d?)")

Shape = tuple[int, int]


@dataclass(frozen=True)
class Fit:
    """What does not fit. `crop` is the shape that a cut would give, such as "16:9"; "" where no cut helps."""

    sentence: str
    crop: str = ""


def fit(spec: ModelSpec, param: Media, role: str, upload: Upload, values: Mapping[str, Any]) -> Fit | None:
    """What to say about an image in the slot of this role; None when it fits. References may have any shape."""
    wanted = wanted_size(spec, values) if "frame" in role.lower() else None
    if refused := _refused(param.picture, upload, wanted[0] if wanted else None):
        return refused
    if wanted is None:
        return None
    shape, size = wanted
    if not _same(shape, (upload.width, upload.height)):
        sentence = f"This image is {named(upload.width, upload.height)}, the shot will be {shape[0]}:{shape[1]}."
        return Fit(sentence, _offered(param.picture, upload, shape))
    if upload.width < size[0] * (1 - NEAR):
        numbers = f"{upload.width} × {upload.height}"
        return Fit(f"{numbers} is smaller than the shot, which will be {size[0]} × {size[1]}.")
    return None


def wanted_size(spec: ModelSpec, values: Mapping[str, Any]) -> tuple[Shape, Shape] | None:
    """The shape of the shot and its size in pixels for these values; None where the image, or nobody yet, decides."""
    sizes = spec.sizes(values)
    if not SHAPED_BY.intersection(spec.output.by) or any(not _same(sizes[0], size) for size in sizes):
        return None
    asked = parsed(str(values.get("aspect_ratio") or "")) or _simple(*sizes[0])
    return asked, min(sizes) if _same(asked, sizes[0]) else (0, 0)  # some documents name pixels of another shape


def named(width: int, height: int) -> str:
    """The shape of a picture as people call it, with the pixels: "4:3 (1024 × 768)"."""
    across, down = _simple(width, height)
    return f"{across}:{down} ({width} × {height})" if max(across, down) <= 99 else f"{width} × {height}"


def parsed(text: str) -> Shape | None:
    """ "16:9" as numbers."""
    found = RATIO.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None


def cut_to(size: Shape, shape: Shape) -> Shape:
    """The largest picture of this shape in one of this size."""
    (width, height), (across, down) = size, shape
    if width * down > height * across:
        return max(1, round(height * across / down)), height
    return width, max(1, round(width * down / across))


def _refused(picture: Picture, upload: Upload, wanted: Shape | None) -> Fit | None:
    """The provider would not take this shape at all: that of the shot would help, else the nearest one that it takes."""
    flat, wide = picture.ratios
    have = upload.width / upload.height
    if not wide or flat <= have <= wide:
        return None
    taken = [shape for shape in KNOWN if flat <= shape[0] / shape[1] <= wide]
    nearest = wanted if wanted in taken else min(taken, key=lambda shape: _away(shape, have))
    sentence = f"{named(upload.width, upload.height)} is {'too wide' if have > wide else 'too tall'} for this model."
    return Fit(sentence, _offered(picture, upload, nearest))


def _offered(picture: Picture, upload: Upload, shape: Shape) -> str:
    """The cut, unless what it leaves would be refused."""
    flat, wide = picture.ratios
    small = min(cut_to((upload.width, upload.height), shape)) < picture.least_side
    return "" if small or (wide and not flat <= shape[0] / shape[1] <= wide) else f"{shape[0]}:{shape[1]}"


def _simple(width: int, height: int) -> Shape:
    """The known shape that this is, else the numbers without what they have in common."""
    nearest = min(KNOWN, key=lambda shape: _away(shape, width / height))
    common = gcd(width, height)
    return nearest if _same(nearest, (width, height)) else (width // common, height // common)


def _same(one: Shape, other: Shape) -> bool:
    return _away(one, other[0] / other[1]) <= NEAR


def _away(shape: Shape, ratio: float) -> float:
    mine = shape[0] / shape[1]
    return max(mine / ratio, ratio / mine) - 1
