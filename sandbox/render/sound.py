"""A quiet chord that breathes, made by the audio filters of the media library: no samples, no noise."""

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import av
from av.filter import Graph

RATE = 48_000
CHORDS = ((0, 7, 12, 16, 23), (0, 7, 12, 15, 22), (0, 5, 12, 16, 21), (0, 7, 14, 16, 19), (0, 7, 10, 15, 19))


def expression(root: float, chord: tuple[int, ...], phase: float) -> str:
    """One channel: each note swells on its own slow wave; higher notes are softer."""
    notes = []
    for i, step in enumerate(chord):
        pitch, gain, beat = root * 2 ** (step / 12), 0.085 / (1 + 0.35 * i), 0.07 + 0.045 * i
        swell = f"(0.62+0.38*sin({6.283 * beat:.4f}*t+{phase + 1.7 * i:.3f}))"
        notes.append(f"{gain:.4f}*{swell}*(sin({6.28319 * pitch:.4f}*t)+0.22*sin({6.28319 * (2 * pitch + 0.6):.4f}*t))")
    return "+".join(notes)


def soft_chord(seconds: float, rng: random.Random) -> Iterator[av.AudioFrame]:
    """Stereo frames at 48 kHz. Made at 12 kHz, as nothing above 2 kHz sounds: a quarter of the work."""
    root, chord = rng.choice((98.0, 110.0, 123.47, 130.81, 146.83)), rng.choice(CHORDS)
    phase = rng.uniform(0, 6.28)
    left, right = expression(root, chord, phase), expression(root * 1.0012, chord, phase + 0.9)
    graph = Graph()
    fade = min(1.2, seconds / 4)
    nodes = [
        graph.add("aevalsrc", f"exprs={left}|{right}:s=12000:c=stereo:d={seconds:.3f}"),
        graph.add("afade", f"t=in:d={fade / 2:.3f}"),
        graph.add("afade", f"t=out:st={seconds - fade:.3f}:d={fade:.3f}"),
        graph.add("aresample", str(RATE)),
        graph.add("aformat", "sample_fmts=fltp:channel_layouts=stereo"),
        graph.add("asetnsamples", "n=1024:p=0"),
        graph.add("abuffersink"),
    ]
    for before, after in pairwise(nodes):
        before.link_to(after)
    graph.configure()
    while True:
        try:
            yield cast(av.AudioFrame, nodes[-1].pull())
        except (av.EOFError, av.BlockingIOError):
            return
