"""ByteDance Seedance at AIID, seven models. Everything but prompt and length travels in `metadata`.

Sources: the vendor's parameter tables as coded in vercel/ai (85-bytedance.mdx), novita.ai and jiekou.ai; New API's doubao
adaptor for the places; the size tables as coded in two public clients.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...specs import Choice, Excludes, Flag, Media, ModelSpec, NeededWhen, OnlyWhen, Output, Param, Picture, Text
from .parts import SEED, WATERMARK, frames, length, model, ratios, references, resolutions

RATIOS = ("16:9", "4:3", "1:1", "3:4", "9:16", "21:9")
OLD_SIZES = {
    "480p": ((864, 480), (736, 544), (640, 640), (544, 736), (480, 864), (960, 416)),
    "720p": ((1248, 704), (1120, 832), (960, 960), (832, 1120), (704, 1248), (1504, 640)),
    "1080p": ((1920, 1088), (1664, 1248), (1440, 1440), (1248, 1664), (1088, 1920), (2176, 928)),
}
NEW_SIZES = {
    "480p": ((864, 496), (752, 560), (640, 640), (560, 752), (496, 864), (992, 432)),
    "720p": ((1280, 720), (1112, 834), (960, 960), (834, 1112), (720, 1280), (1470, 630)),
    "1080p": ((1920, 1080), (1664, 1248), (1440, 1440), (1248, 1664), (1080, 1920), (2206, 946)),
    "4k": (
        (3840, 2160),
        (3326, 2494),
        (2880, 2880),
        (2494, 3326),
        (2160, 3840),
        (4412, 1892),
    ),  # twice 1080p, no table says
}
PICTURE = Picture(most_bytes=30 * 2**20, least_side=300, ratios=(0.4, 2.5))
PLACES = tuple(
    (name, f"metadata.{place}")
    for name, place in (
        ("resolution", "resolution"), ("aspect_ratio", "ratio"), ("seed", "seed"), ("watermark", "watermark"),
        ("camera_fixed", "camera_fixed"), ("service_tier", "service_tier"), ("generate_audio", "generate_audio"),
        ("draft", "draft"), ("return_last_frame", "return_last_frame"),
    )
)  # fmt: skip
VENDOR = "the vendor's documentation"

CAMERA_FIXED = Flag(name="camera_fixed", label="Hold the camera still", group="more", source=VENDOR)
LAST_FRAME = Flag(
    name="return_last_frame", label="Return the last frame", group="more", source=VENDOR,
    help="The provider's answer then names a picture beside the video. The studio keeps the video alone.",
)  # fmt: skip
TIER = Choice(
    name="service_tier", label="Service", choices=("default", "flex"), default="default", group="more", source=VENDOR,
    help="Flex is cheaper and may take up to two days.",
)  # fmt: skip
AUDIO = Flag(name="generate_audio", label="Sound", default=True)
DRAFT = Flag(name="draft", label="Draft", group="more", help="A quick look, in 480p.", source=VENDOR)
FRAMES = frames("First frame", "Last frame", picture=PICTURE)
NINE = references(9, picture=PICTURE, group="more", help="People, things and places that appear in the video.")
VIDEOS = Text(
    name="reference_videos", label="Reference videos", lines=3, shape="url", group="more", source=VENDOR,
    help="Up to 3 addresses, one a line: MP4 or MOV, 2 to 15 s and 50 MB together.",
)  # fmt: skip
SOUNDS = Text(
    name="reference_audios", label="Reference sounds", lines=3, shape="url", group="more", source=VENDOR,
    help="Up to 3 addresses, one a line: 15 s and 15 MB together.",
)  # fmt: skip


def _sizes(table: Mapping[str, tuple[tuple[int, int], ...]], resolutions: tuple[str, ...]) -> Output:
    found = tuple(
        (f"{name}/{ratio}", size) for name in resolutions for ratio, size in zip(RATIOS, table[name], strict=True)
    )
    return Output(found, seconds=5, fps=24, sound=False, by=("resolution", "aspect_ratio"))


def _old(name: str, title: str, summary: str, *media: Media, resolution: tuple[str, ...] = ("480p", "720p", "1080p"),
         rules: tuple[NeededWhen | Excludes, ...] = ()) -> ModelSpec:  # fmt: skip
    """The 1.0 family: 2 to 12 s, silent. Without an image there is nothing that a ratio could adapt to."""
    ratio = ratios(*RATIOS, "adaptive", default=None) if media else ratios(*RATIOS)
    params: tuple[Param, ...] = (
        *media, resolutions(*resolution, default="720p"), ratio, length(tuple(range(2, 13)), 5),
        CAMERA_FIXED, SEED, TIER, LAST_FRAME, WATERMARK,
    )  # fmt: skip
    return model(f"doubao-seedance-{name}", title, summary, *params, output=_sizes(OLD_SIZES, resolution),
                 rules=rules, wire=PLACES, slow=("service_tier", "flex", 48 * 3600))  # fmt: skip


def _new(name: str, title: str, summary: str, *extra: Param, seconds: tuple[int, ...], resolution: tuple[str, ...],
         rules: tuple[Excludes | OnlyWhen | NeededWhen, ...] = ()) -> ModelSpec:  # fmt: skip
    """1.5 and 2.0: from 4 s, with sound that can be switched off."""
    params: tuple[Param, ...] = (
        FRAMES, resolutions(*resolution, default="720p"), ratios(*RATIOS, "adaptive", default=None), length(seconds, 5),
        AUDIO, *extra, CAMERA_FIXED, SEED, TIER, LAST_FRAME, WATERMARK,
    )  # fmt: skip
    silent = _sizes(NEW_SIZES, resolution)
    output = Output(silent.sizes, 5, 24, True, silent.by, "generate_audio")
    return model(f"doubao-seedance-{name}", title, summary, *params, output=output, rules=rules, wire=PLACES,
                 slow=("service_tier", "flex", 48 * 3600))  # fmt: skip


REFERENCES = (
    Excludes("references", "images"), Excludes("reference_videos", "images"), Excludes("reference_audios", "images"),
)  # fmt: skip
SEEDANCE = (
    _new("2-0-260128", "Seedance 2.0", "Latest, with sound", NINE, VIDEOS, SOUNDS, seconds=tuple(range(4, 16)),
         resolution=("480p", "720p", "1080p", "4k"), rules=REFERENCES),
    _new("2-0-fast-260128", "Seedance 2.0 Fast", "Quick, with sound", NINE, VIDEOS, SOUNDS, seconds=tuple(range(4, 16)),
         resolution=("480p", "720p"), rules=REFERENCES),
    _new("1-5-pro-251215", "Seedance 1.5 Pro", "With sound", DRAFT, seconds=tuple(range(4, 13)),
         resolution=("480p", "720p", "1080p"), rules=(OnlyWhen("draft", "resolution", ("480p",)),)),
    _old("1-0-pro-250528", "Seedance 1.0 Pro", "From text or frames, silent", FRAMES),
    _old("1-0-pro-fast-251015", "Seedance 1.0 Pro Fast", "Quick, silent", frames("First frame", picture=PICTURE)),
    _old("1-0-lite-t2v-250428", "Seedance 1.0 Lite Text", "From text alone, silent"),
    _old("1-0-lite-i2v-250428", "Seedance 1.0 Lite Image", "From frames or references, silent", FRAMES,
         references(4, picture=PICTURE), resolution=("480p", "720p"),
         rules=(NeededWhen("images", "references"), Excludes("references", "images"))),
)  # fmt: skip
