"""The small line at the top left that says which model made the clip."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

FONT = Path(__file__).resolve().parent.parent.parent / "static" / "fonts" / "studio-ui.woff2"


@dataclass(frozen=True)
class Label:
    """Coverage of the dark plate and of the letters ("L"), and where they go in the frame."""

    plate: Image.Image
    letters: Image.Image
    at: tuple[int, int]

    def draw(self, y: Image.Image, cb: Image.Image, cr: Image.Image) -> None:
        """Onto one frame, in place; chroma planes are half size, `at` is even."""
        y.paste(22, self.at, self.plate)
        y.paste(226, self.at, self.letters)
        half, plate = (self.at[0] // 2, self.at[1] // 2), self.plate.reduce(2)
        for chroma in (cb, cr):
            chroma.paste(128, half, plate)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The studio's own face where this Pillow can read it, else Pillow's."""
    try:
        return ImageFont.truetype(FONT, size)
    except OSError:
        return ImageFont.load_default(size)


def make_label(model: str, seconds: float, width: int, height: int) -> Label:
    """E.g. "veo3.1-fast · 8 s", sized to the shorter side."""
    side = min(width, height)
    size = max(9, round(side / 38))
    text, face, pad = f"{model} · {seconds:g} s", font(size), round(size * 0.65)
    steps = [face.getlength(letter) + size * 0.04 for letter in text]  # one by one: pairs kern the dot of "3.1" away
    box = ((round(sum(steps)) + 2 * pad + 1) // 2 * 2, (round(size * 1.9) + 1) // 2 * 2)
    plate, letters = Image.new("L", box), Image.new("L", box)
    ImageDraw.Draw(plate).rounded_rectangle((0, 0, box[0] - 1, box[1] - 1), radius=box[1] // 2, fill=125)
    for i, letter in enumerate(text):
        place = (pad + sum(steps[:i]), box[1] / 2 + size * 0.36)
        ImageDraw.Draw(letters).text(place, letter, fill=245, font=face, anchor="ls")
    margin = round(side / 30) // 2 * 2
    return Label(plate, letters, (margin, margin))
