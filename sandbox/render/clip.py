"""One job to one MP4: H.264 High, yuv420p, AAC where the model has sound, the index at the front."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from pathlib import Path

import av
from PIL import Image, ImageChops

from ..jobs import ClipJob
from . import label, light, motion, sound, stage, stills

X264 = {
    "preset": "superfast",
    "crf": "25",
    "profile": "high",
    "threads": "1",
    "x264-params": "rc-lookahead=0:mbtree=0:bframes=0:weightp=0:vbv-maxrate=2600:vbv-bufsize=4000",
}
# Nothing moves: with one quantiser throughout, each picture but the first is "as before".
STILL = {name: value for name, value in X264.items() if name != "crf"} | {
    "preset": "ultrafast",
    "qp": "30",
    "x264-params": "rc-lookahead=0:mbtree=0:bframes=0:weightp=0",
}
Planes = tuple[Image.Image, Image.Image, Image.Image]


@dataclass(frozen=True)
class Shot:
    """One picture with its camera move, seen from `start` to `end` (seconds)."""

    staged: stage.Staged
    move: motion.Move
    start: float
    end: float


def picture_shots(job: ClipJob, images: list[Image.Image]) -> list[Shot]:
    """Given images: the first one fills the start; others are faded to; of two, the last one ends the clip at rest."""
    rng, count = stills.seeded("images", job.key), len(images)
    if count == 2:
        spans = [(0.0, 0.62), (0.38, 1.0)]
    else:
        spans = [(max(0.0, i / count - 0.06), min(1.0, (i + 1) / count + 0.06)) for i in range(count)]
    shots = []
    for i, (image, (start, end)) in enumerate(zip(images, spans, strict=True)):
        move = motion.to_rest(rng) if count == 2 and i == 1 else motion.from_rest(rng)
        shots.append(Shot(stage.stage(image, job.width, job.height), move, start * job.seconds, end * job.seconds))
    return shots


def prompt_shot(job: ClipJob, still: stills.Still) -> Shot:
    """No images: a still that fits the words, coloured, framed and moved by the hash of the prompt."""
    rng = stills.seeded("move", job.prompt, job.model, job.take)
    image, focus = Image.open(stills.FOLDER / f"{still.name}.webp").convert("RGB"), still.focus
    if still.wall:
        image = stage.continue_wall(image, job.width, job.height)
    if rng.random() < 0.35:
        image, focus = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (1 - focus[0], focus[1])
    colours = stage.matrix(rng.uniform(-0.13, 0.13), rng.uniform(0.95, 1.12), rng.uniform(0.94, 1.03))
    staged = stage.stage(image, job.width, job.height, colours)
    cover = staged.cover(job.width, job.height)
    room = (staged.y.width / cover[0], staged.y.height / cover[1])
    return Shot(staged, motion.free_move(focus, room, rng), 0.0, job.seconds)


def look(shot: Shot, job: ClipJob, t: float, chroma: bool) -> list[Image.Image]:
    """The planes of one shot at time `t`: luma, and the two chroma planes when asked."""
    u = (t - shot.start) / (shot.end - shot.start)
    box = motion.box_at(shot.move, u, shot.staged.y.size, shot.staged.cover(job.width, job.height))
    wide, high = shot.staged.cb.size
    half = (box[0] / 2, box[1] / 2, min(box[2] / 2, wide), min(box[3] / 2, high))
    planes = [shot.staged.y.resize((job.width, job.height), Image.Resampling.BILINEAR, box=box)]
    if chroma:
        size = (job.width // 2, job.height // 2)
        planes += [p.resize(size, Image.Resampling.BILINEAR, box=half) for p in (shot.staged.cb, shot.staged.cr)]
    return planes


def mix(shots: list[Shot], job: ClipJob, t: float, chroma: bool) -> list[Image.Image]:
    """What the camera sees at `t`; where two shots overlap, one fades into the other."""
    seen = [shot for shot in shots if shot.start <= t <= shot.end] or shots[-1:]
    planes = look(seen[0], job, t, chroma)
    if len(seen) > 1:
        alpha = motion.ease((t - seen[1].start) / (seen[0].end - seen[1].start))
        over = look(seen[1], job, t, chroma)
        planes = [Image.blend(a, b, alpha) for a, b in zip(planes, over, strict=True)]
    return planes


def frames(job: ClipJob, images: list[Image.Image]) -> Iterator[Planes]:
    """Every frame of the clip as three planes. Chroma is renewed every second frame: nobody sees it, and it is faster."""
    rng, (width, height) = stills.seeded("light", job.key), (job.width, job.height)
    still = None if images else stills.choose(job.prompt, width, height)
    shots = [prompt_shot(job, still)] if still else picture_shots(job, images)
    glow = light.make_glow(width, height, bool(images), len(images) == 2, rng)
    grain = light.make_grain(width, height, rng)
    motes = light.make_motes(still.motes, still.drift, width, height, rng) if still else []
    tag = label.make_label(job.model, job.seconds, width, height)
    sprites, total = light.Sprites(), round(job.seconds * job.fps)
    cb = cr = Image.new("L", (width // 2, height // 2))
    for i in range(total):
        t, left = i / job.fps, glow.offset(i / max(1, total - 1), width)
        renew = i % 2 == 0 or i == total - 1
        y, *colour = mix(shots, job, min(t, job.seconds * i / max(1, total - 1)), renew)
        y = ImageChops.add_modulo(y, glow.y.crop((left, 0, left + width, height)))
        x, top = rng.randrange(64), rng.randrange(64)
        y = ImageChops.add_modulo(y, grain.crop((x, top, x + width, top + height)))
        light.float_motes(y, motes, sprites, t, 1.0)
        if renew:
            window = (left // 2, 0, left // 2 + width // 2, height // 2)
            cb, cr = (ImageChops.add_modulo(p, g.crop(window)) for p, g in zip(colour, (glow.cb, glow.cr), strict=True))
        tag.draw(y, cb, cr)
        yield from repeat((y, cb, cr), total if job.still else 1)
        if job.still:
            return


def video_frame(planes: Planes) -> av.VideoFrame:
    """Pillow planes to one encoder frame; rows are padded to the encoder's line size."""
    frame = av.VideoFrame(planes[0].width, planes[0].height, "yuv420p")
    for target, source in zip(frame.planes, planes, strict=True):
        rows = source.tobytes("raw", "L", target.line_size, 1)
        target.update(rows.ljust(target.buffer_size, b"\x80")[: target.buffer_size])
    return frame


def write(job: ClipJob, images: list[Image.Image], path: Path) -> None:
    """Encode to `path`. Raises av.FFmpegError when the disk is full or the codec refuses."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as out:
        video = out.add_stream("libx264", rate=job.fps, options=STILL if job.still else X264)
        video.width, video.height, video.pix_fmt = job.width, job.height, "yuv420p"
        context = video.codec_context
        context.gop_size = 2 * job.fps
        context.color_range = context.colorspace = context.color_primaries = context.color_trc = 1  # limited, BT.709
        audio = out.add_stream("aac", rate=sound.RATE, layout="stereo") if job.sound else None
        chord = sound.soft_chord(job.seconds, stills.seeded("sound", job.key)) if audio else iter(())
        heard, shown, frame = 0.0, None, None
        for i, planes in enumerate(frames(job, images)):
            if frame is None or planes is not shown:
                shown, frame = planes, video_frame(planes)
            frame.pts, frame.time_base = i, Fraction(1, job.fps)
            out.mux(video.encode(frame))
            while audio and heard <= (i + 1) / job.fps and (part := next(chord, None)) is not None:
                heard += part.samples / sound.RATE
                out.mux(audio.encode(part))
        out.mux(video.encode(None))
        if audio:
            for part in chord:
                out.mux(audio.encode(part))
            out.mux(audio.encode(None))


def make(job: ClipJob, images: list[Image.Image], path: Path) -> None:
    """Write beside `path`, then rename: whoever sees the clip sees all of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(job, images, draft)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
