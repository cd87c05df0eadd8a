"""What changes for a person who takes another model instead of one that has ended. No Django here."""

from __future__ import annotations

from .prices import LENGTHS
from .specs import Choice, ModelSpec


def changes(old: ModelSpec, new: ModelSpec) -> list[str]:
    """Sentences, the heaviest first; empty when `new` takes and gives the same."""
    found = [_images(old, new), _length(old, new), _sizes(old, new), _sound(old, new), *_settings(old, new)]
    return [sentence for sentence in found if sentence]


def _images(old: ModelSpec, new: ModelSpec) -> str:
    before, after = _image_words(old), _image_words(new)
    return "" if before == after else f"It takes {after} instead of {before}."


def _image_words(spec: ModelSpec) -> str:
    least, most = sum(media.minimum for media in spec.media), sum(media.maximum for media in spec.media)
    if not most:
        return "no images"
    count = f"{most} image{'s' if most > 1 else ''}"
    return count if least == most else f"at least {least} and up to {count}" if least else f"up to {count}"


def _length(old: ModelSpec, new: ModelSpec) -> str:
    before, after = _lengths(old), _lengths(new)
    if before == after:
        return ""
    if not after:
        return f"Its videos are {new.output.unfixed}."
    return f"It makes {_or(after)} s" + (f" instead of {_or(before)} s." if before else ".")


def _lengths(spec: ModelSpec) -> list[str]:
    param = next((found for name in LENGTHS if isinstance(found := spec.param(name), Choice)), None)
    return list(param.choices) if param else [f"{spec.output.seconds:g}"] if spec.output.seconds else []


def _sizes(old: ModelSpec, new: ModelSpec) -> str:
    before, after = (list(dict.fromkeys(size for _, size in spec.output.sizes)) for spec in (old, new))
    if set(before) == set(after):
        return ""
    gone = [f"{width} × {height}" for width, height in before if (width, height) not in after]
    return f"It does not make {_or(gone)}." if gone else ""


def _sound(old: ModelSpec, new: ModelSpec) -> str:
    if old.output.sound == new.output.sound:
        return ""
    return "It makes sound." if new.output.sound else "It is silent."


def _settings(old: ModelSpec, new: ModelSpec) -> list[str]:
    """The other settings, by their labels; how a length or an image is called does not matter."""
    same = {"prompt", "size", *LENGTHS, *(media.name for spec in (old, new) for media in spec.media)}
    before = {param.name: param.label.lower() for param in old if param.name not in same}
    after = {param.name: param.label.lower() for param in new if param.name not in same}
    gone = [label for name, label in before.items() if name not in after]
    more = [label for name, label in after.items() if name not in before]
    return [
        f"It has no {_or(gone)}." if gone else "",
        f"It also has {', '.join(more[:-1])}{' and ' if more[1:] else ''}{more[-1]}." if more else "",
    ]


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if words[1:] else words)
