"""Alibaba HappyHorse 1.0 at AIID: one model by `mode`, and the same four ways as models of their own.

Sources: AIID's page of its native route (the aggregate model needs `mode`); New API's ali adaptor (happyhorse.go) for fields,
limits and places; relay documentation for the length of the prompt. Sizes other than 16:9 follow from the resolution.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ...specs import Choice, Media, ModelSpec, NeededWhen, OnlyWhen, Output, Param, Picture, Text
from .parts import GATEWAY, SEED, WATERMARK, frames, length, model, ratios, references, resolutions

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4")
SIZES = {
    "720P": ((1280, 720), (720, 1280), (720, 720), (960, 720), (720, 960)),
    "1080P": ((1920, 1080), (1080, 1920), (1080, 1080), (1440, 1080), (1080, 1440)),
}
OUTPUT = Output(
    tuple((f"{name}/{ratio}", size) for name, sizes in SIZES.items() for ratio, size in zip(RATIOS, sizes, strict=True)),
    seconds=5, fps=24, sound=True, by=("resolution", "aspect_ratio"),
)  # fmt: skip
EDITED = Output(OUTPUT.sizes, 0, 24, True, ("resolution",))
LARGEST = 10 * 2**20
FRAME = Picture(LARGEST, 300, (0.4, 2.5))
SUBJECT = Picture(LARGEST, 400)
PROMPT = Text(
    name="prompt", label="Prompt", required=True, lines=5, max_length=5000, source="documentation of sibling gateways"
)
RESOLUTION = resolutions("720P", "1080P", default="1080P", source=GATEWAY)
RATIO = ratios(*RATIOS, source=GATEWAY)
LENGTH = length(tuple(range(3, 16)), 5, source=GATEWAY)
VIDEO = Text(
    name="video", label="Source video", shape="url", source=GATEWAY,
    help="Its address on the web: MP4 or MOV, 3 to 60 s, up to 100 MB.",
)  # fmt: skip
SOUND = Choice(
    name="audio_setting", label="Sound", choices=("auto", "origin"), labels=("Auto", "Of the source"), default="auto",
    source=GATEWAY,
)  # fmt: skip
SUBJECTS_HELP = "The prompt calls them character1, character2 and so on."
PLACES = (
    ("resolution", "metadata.parameters.resolution"), ("aspect_ratio", "metadata.parameters.ratio"),
    ("seed", "metadata.parameters.seed"), ("watermark", "metadata.parameters.watermark"),
    ("audio_setting", "metadata.parameters.audio_setting"),
)  # fmt: skip


def _horse(suffix: str, title: str, summary: str, *params: Param, output: Output = OUTPUT,
           rules: tuple[OnlyWhen | NeededWhen, ...] = ()) -> ModelSpec:  # fmt: skip
    return model(f"happyhorse-1.0{suffix}", f"HappyHorse 1.0{title}", summary, *params, SEED, WATERMARK,
                 prompt=PROMPT, output=output, rules=rules, wire=PLACES)  # fmt: skip


def _subjects(most: int, least: int, **more: Any) -> Media:
    return references(most, least, picture=SUBJECT, help=SUBJECTS_HELP, source=GATEWAY, **more)


def _aggregate() -> ModelSpec:
    mode = Choice(name="mode", label="Mode", choices=("t2v", "i2v", "r2v", "video_edit"), default="t2v",
                  labels=("Text (t2v)", "First frame (i2v)", "References (r2v)", "Change a video (video_edit)"),
                  help="From text, from a first frame, from references, or a source video changed.")  # fmt: skip
    return _horse(
        "", "", "Text, frame, references or a video to change, with sound", mode, frames("First frame", picture=FRAME),
        _subjects(9, 0, group="more"), VIDEO, RESOLUTION, replace(RATIO, default=None), replace(LENGTH, default=None),
        replace(SOUND, choices=("origin",), labels=("Of the source",), default=None),
        rules=(
            NeededWhen("images", "mode", ("i2v",)), OnlyWhen("images", "mode", ("i2v",)),
            NeededWhen("references", "mode", ("r2v",)), OnlyWhen("references", "mode", ("r2v", "video_edit")),
            NeededWhen("video", "mode", ("video_edit",)), OnlyWhen("video", "mode", ("video_edit",)),
            OnlyWhen("aspect_ratio", "mode", ("t2v", "r2v")), OnlyWhen("duration", "mode", ("t2v", "i2v", "r2v")),
            OnlyWhen("audio_setting", "mode", ("video_edit",)),
        ),
    )  # fmt: skip


HAPPYHORSE = (
    _aggregate(),
    _horse("-t2v", " Text", "From text, with sound", RESOLUTION, RATIO, LENGTH),
    _horse("-i2v", " Image", "From a first frame, with sound", frames("First frame", least=1, picture=FRAME),
           RESOLUTION, LENGTH),
    _horse("-r2v", " References", "From up to nine references, with sound", _subjects(9, 1), RESOLUTION, RATIO, LENGTH),
    _horse("-video-edit", " Edit", "Changes a video of yours", _subjects(5, 0),
           replace(VIDEO, required=True), RESOLUTION, SOUND, output=EDITED),
)  # fmt: skip
