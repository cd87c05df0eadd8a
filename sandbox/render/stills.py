"""The picture that a prompt is shown with: twenty stills and the words that call them."""

import hashlib
import random
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "stills"


@dataclass(frozen=True)
class Still:
    """A picture, its words, the point to look at (0..1 from the top left) and what floats in its air."""

    name: str
    words: str
    focus: tuple[float, float] = (0.5, 0.5)
    motes: int = 0
    drift: tuple[float, float] = (6.0, -8.0)  # pixels a second at 720 lines
    tall: bool = False
    wall: bool = False  # a plain background that may be continued beyond the picture's edges


STILLS = (
    Still("lighthouse", "lighthouse keeper raincoat yellow coast cliff sunset storm island beacon", (0.52, 0.5), 10),
    Still("lighthouse_b", "lighthouse dawn morning mist fog coast island", (0.5, 0.5), 14),
    Still("lighthouse_c", "lighthouse portrait close raincoat child figure coral pink", (0.45, 0.5), 8),
    Still("lighthouse_d", "lighthouse night moonless midnight storm dusk", (0.5, 0.5), 12),
    Still("ocean", "ocean sea wave waves water beach surf sail boat ship horizon sunset tide", (0.34, 0.5), 6),
    Still(
        "mountains",
        "mountain mountains hills valley alps peak sunrise range landscape lake serene", (0.55, 0.45), 10,
    ),
    Still("dunes", "dune dunes desert sand sahara camel caravan wind arid", (0.6, 0.55), 26, (30.0, -4.0)),
    Still(
        "aurora",
        "aurora northern lights arctic winter snow ice borealis night lake fjord", (0.5, 0.4), 22, (-3.0, 14.0),
    ),
    Still(
        "forest",
        "forest wood woods tree trees jungle moss deer fairy path nature garden leaf", (0.5, 0.4), 34,
    ),
    Still(
        "jelly_w",
        "jelly jellyfish underwater sea fish coral whale reef diver aquarium", (0.52, 0.4), 26, (4.0, -16.0),
    ),
    Still("jelly", "jelly jellyfish underwater fish coral reef", (0.5, 0.4), 22, (4.0, -16.0), tall=True),
    Still(
        "neon",
        "neon city street rain umbrella cyberpunk tokyo night traffic car urban bokeh future", (0.42, 0.6), 30, (-14.0, 210.0),
    ),
    Still(
        "neonv",
        "neon city street rain umbrella cyberpunk tokyo night urban", (0.5, 0.6), 26, (-14.0, 210.0), tall=True,
    ),
    Still(
        "moon",
        "moon lunar parent father mother child walk silhouette red mars hill couple", (0.5, 0.55), 14, tall=True,
    ),
    Still(
        "planet",
        "planet earth space orbit galaxy star stars astronaut spaceship satellite cosmos world", (0.5, 0.55), 18, (2.0, 1.0),
    ),
    Still(
        "clouds",
        "cloud clouds sky flight plane bird heaven air balloon", (0.55, 0.4), 12, (14.0, -3.0),
    ),
    Still("liquid", "liquid abstract metal chrome paint ink fluid oil colour color swirl silk texture"),
    Still(
        "room",
        "room window interior loft chair house hall museum quiet warehouse sunbeam", (0.5, 0.5), 40,
    ),
    Still(
        "still",
        "perfume bottle product studio cosmetic table glass commercial packshot cup coffee food", (0.45, 0.36),
    ),
    Still(
        "bust1",
        "robot android bust face character machine head toy cute", (0.5, 0.5), wall=True,
    ),
)  # fmt: skip


def seeded(*parts: object) -> random.Random:
    """A random generator that is the same for the same parts, on every machine."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return random.Random(digest)  # noqa: S311  (pictures, not secrets)


def stem(word: str) -> str:
    """'waves' and 'wave' are one word here."""
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def choose(prompt: str, width: int, height: int) -> Still:
    """The still whose words occur most in the prompt; among equals, and without any, the prompt's hash decides."""
    said = {stem(word) for word in re.findall(r"[a-z]+", prompt.lower())}
    wide = width >= height
    # The first two words name the picture and weigh double.
    scores = [
        sum((stem(word) in said) * (1 + (i < 2)) for i, word in enumerate(still.words.split())) for still in STILLS
    ]
    # Of two pictures for the same words the one that was made for this shape wins; without words, tall ones stay tall.
    fits = [score + 0.5 * (still.tall != wide) for score, still in zip(scores, STILLS, strict=True)]
    best = max(fits)
    return seeded("still", prompt).choice([still for score, still in zip(fits, STILLS, strict=True) if score == best])
