"""Video files: is this one whole, and the pictures that pages show of it.

No Django, no network. PyAV and Pillow are imported inside the functions, so that importing this package costs nothing.
"""

from __future__ import annotations

from .boxes import InvalidMedia, walk_boxes
from .derive import Derivative, Derived, derive
from .frames import frame_png
from .verify import Facts, sha256_of, verify

__all__ = [
    "Derivative",
    "Derived",
    "Facts",
    "InvalidMedia",
    "derive",
    "frame_png",
    "sha256_of",
    "verify",
    "walk_boxes",
]
