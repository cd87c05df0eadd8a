"""Sora, Gemini Omni, Kling, Grok, Vidu and Hailuo at AIID.

Sources: the public clients of AIID and the relay documentation that names these ids; New API's adaptors for the places; each
vendor's own documentation for the limits. Which version stands behind `kling-video`, `hailuo-video`, `grok-video-3` and
`gemini-omni` is written down nowhere.
"""

from __future__ import annotations

from ...specs import (
    Choice,
    Excludes,
    Flag,
    Json,
    Lifecycle,
    Media,
    ModelSpec,
    NeededWhen,
    Number,
    OnlyWhen,
    Output,
    Picture,
    Text,
)
from .parts import MULTIPART, PIXELS, SEED, WATERMARK, frames, length, model, ratios, references, resolutions, turned

VENDOR = "the vendor's documentation"
RELAY = "documentation of a relay that names this model"
SORA_GONE = Lifecycle(
    "retired", "2026-09-24", "OpenAI has switched Sora off, and with it every relay of it.", "aiid-gemini-omni"
)
WIDE = Picture(least_side=300, ratios=(0.4, 2.5))


# --- Sora: a form, and the only model that takes an image as a file --------------------------------------------------------
def _sora(name: str, title: str, summary: str, *sizes: str) -> ModelSpec:
    pixels = tuple((size, (int(size.split("x")[0]), int(size.split("x")[1]))) for size in sizes)
    return model(
        name, title, summary,
        Media(name="input_reference", label="First frame", roles=("First frame",), by=("file",),
              help="A picture of exactly the chosen size."),
        Choice(name="size", label="Size", choices=sizes, default="1280x720"),
        length((4, 8, 12), 4, "seconds"),
        output=Output(pixels, 4, 30, True, ("size",)), protocol=MULTIPART, lifecycle=SORA_GONE,
    )  # fmt: skip


# --- Gemini Omni -----------------------------------------------------------------------------------------------------------
OMNI_SIZES = {"720p": ((1280, 720), (720, 1280), (720, 720)), "1080p": ((1920, 1080), (1080, 1920), (1080, 1080))}
OMNI = model(
    "gemini-omni", "Gemini Omni", "Text, references or a video to change, with sound",
    Choice(name="mode", label="Mode", choices=("t2v", "r2v", "edit"), default="t2v",
           labels=("Text (t2v)", "References (r2v)", "Change a video (edit)"),
           help="From text, from references, or a source video changed."),
    references(5, by=("url",)),
    Text(name="video", label="Source video", shape="url", help="The address of the video to change.", source="AIID's clients"),
    ratios("16:9", "9:16", "1:1"), length((4, 6, 8, 10), 8),
    Flag(name="generate_audio", label="Sound", default=True),
    resolutions("720p", "1080p", default="720p", group="more", source="AIID's clients"),
    output=Output(tuple((f"{name}/{ratio}", size) for name, sizes in OMNI_SIZES.items()
                        for ratio, size in zip(("16:9", "9:16", "1:1"), sizes, strict=True)),
                  8, 24, True, ("resolution", "aspect_ratio"), "generate_audio"),
    rules=(NeededWhen("references", "mode", ("r2v",)), NeededWhen("video", "mode", ("edit",)),
           OnlyWhen("video", "mode", ("edit",))),
    wire=((PIXELS, "size"), ("resolution", "")),
)  # fmt: skip

# --- Kling: the only vendor that refuses the same job twice ----------------------------------------------------------------
KLING_SIZES = {"std": ((1280, 720), (720, 1280), (960, 960)), "pro": ((1920, 1080), (1080, 1920), (1440, 1440))}
KLING = model(
    "kling-video", "Kling", "From text or frames, silent unless asked",
    frames("First frame", "Last frame", by=("base64", "url"), picture=WIDE),
    Choice(name="mode", label="Quality", choices=("std", "pro"), labels=("Standard", "Pro"), default="std"),
    ratios("16:9", "9:16", "1:1"), length((5, 10), 5),
    Flag(name="sound", label="Sound", help="From version 2.6 on.", source=VENDOR),
    Text(name="negative_prompt", label="Leave out", group="more", source=VENDOR),
    Number(name="cfg_scale", label="Prompt strength", minimum=0, maximum=1, step=0.1, group="more",
           help="Not taken by version 2.", source=VENDOR),
    Json(name="camera_control", label="Camera", group="more", source=VENDOR,
         help='Such as {"type": "simple", "config": {"zoom": 5}}.'),
    output=Output(tuple((f"{name}/{ratio}", size) for name, sizes in KLING_SIZES.items()
                        for ratio, size in zip(("16:9", "9:16", "1:1"), sizes, strict=True)),
                  5, 24, True, ("mode", "aspect_ratio"), "sound"),
    rules=(OnlyWhen("sound", "mode", ("pro",)),),
    wire=((PIXELS, "size"), ("aspect_ratio", ""), ("images", "image|metadata.image_tail"), ("sound", "metadata.sound"),
          ("negative_prompt", "metadata.negative_prompt"), ("cfg_scale", "metadata.cfg_scale"),
          ("camera_control", "metadata.camera_control")),
)  # fmt: skip

# --- Grok ------------------------------------------------------------------------------------------------------------------
GROK_RATIOS = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (1024, 1024), "2:3": (720, 1280), "3:2": (1280, 720)}
GROK_SMALL = {"16:9": (854, 480), "9:16": (480, 854), "1:1": (640, 640), "2:3": (480, 854), "3:2": (854, 480)}
GROK_OUTPUT = Output(
    tuple((f"{name}/{ratio}", size) for name, table in (("720P", GROK_RATIOS), ("480P", GROK_SMALL))
          for ratio, size in table.items()),
    6, 24, True, ("resolution", "aspect_ratio"),
)  # fmt: skip
GROK_RATIO = ratios("16:9", "9:16", "1:1", "2:3", "3:2", source=RELAY)
GROK_RESOLUTION = resolutions("480P", "720P", default="720P", source=RELAY)
PRESET = Choice(name="preset", label="Preset", choices=("normal", "fun", "spicy", "custom"), group="more", source=RELAY)
GROK = (
    model("grok-imagine-1.0-video", "Grok Imagine 1.0", "From text, a frame or references, with sound",
          frames("First frame", by=("url", "data")), references(7, by=("url", "data"), group="more"),
          GROK_RATIO, GROK_RESOLUTION, length((6, 10), 6, "seconds", source=RELAY), PRESET, output=GROK_OUTPUT,
          rules=(Excludes("references", "images"),), wire=(("images", "image|"), ("references", "reference_images"))),
    model("grok-imagine-video-1.5-preview", "Grok Imagine 1.5 Preview", "Starts from your frame, with sound",
          frames("First frame", least=1, by=("url",)), GROK_RATIO, GROK_RESOLUTION,
          length(tuple(range(1, 16)), 6, "seconds", source=RELAY), PRESET, output=GROK_OUTPUT,
          wire=(("images", "reference_images"),)),
    model("grok-video-3", "Grok Video 3", "From text or a frame, with sound", frames("First frame", by=("url",)),
          ratios("3:2", "2:3", "1:1", default="3:2", source=RELAY),
          output=Output((("3:2", (1280, 720)), ("2:3", (720, 1280)), ("1:1", (960, 960))), 6, 24, True),
          wire=(("=720P", "size"),)),
)  # fmt: skip

# --- Vidu ------------------------------------------------------------------------------------------------------------------
VIDU_LINES = {"540p": 540, "720p": 720, "1080p": 1080}
VIDU_RATIOS = (("16:9", 16 / 9), ("9:16", 9 / 16), ("4:3", 4 / 3), ("3:4", 3 / 4), ("1:1", 1.0))


def _vidu_size(lines: int, ratio: float) -> tuple[int, int]:
    """The short side has the lines. Only 16:9 is written down."""
    long = round(lines * max(ratio, 1 / ratio) / 2) * 2
    return (long, lines) if ratio >= 1 else turned((long, lines))


VIDU = model(
    "viduq3-turbo", "Vidu Q3 Turbo", "From text or frames, with sound",
    frames("First frame", "Last frame", picture=Picture(10 * 2**20, 0, (0.25, 4))),
    ratios(*(name for name, _ in VIDU_RATIOS), default=None, help="Images have their own.", source=VENDOR),
    resolutions(*VIDU_LINES, default="720p", source=VENDOR), length(tuple(range(1, 17)), 5, source=VENDOR),
    Flag(name="generate_audio", label="Sound", default=True, source=VENDOR),
    SEED, WATERMARK,
    Choice(name="wm_position", label="Place of the watermark", choices=("1", "2", "3", "4"), group="more", source=VENDOR),
    Flag(name="off_peak", label="Off-peak", help="Cheaper, and may take two days.", group="more", source=VENDOR),
    output=Output(tuple((f"{name}/{ratio}", _vidu_size(lines, shape)) for name, lines in VIDU_LINES.items()
                        for ratio, shape in VIDU_RATIOS),
                  5, 24, True, ("resolution", "aspect_ratio"), "generate_audio"),
    wire=(("resolution", "size"), ("aspect_ratio", "metadata.aspect_ratio"), ("generate_audio", "metadata.audio"),
          ("seed", "metadata.seed"), ("watermark", "metadata.watermark"), ("off_peak", "metadata.off_peak"),
          ("wm_position", "metadata.wm_position")),
    slow=("off_peak", True, 48 * 3600),
)  # fmt: skip

# --- Hailuo ----------------------------------------------------------------------------------------------------------------
HAILUO = model(
    "hailuo-video", "Hailuo", "From text or frames, silent", frames("First frame", "Last frame", picture=WIDE),
    resolutions("768P", "1080P", default="768P", source=VENDOR), length((6, 10), 6, source=VENDOR),
    Flag(name="prompt_optimizer", label="Improve my prompt", default=True, group="more", source=VENDOR),
    Flag(name="fast_pretreatment", label="Improve it quickly", group="more", source=VENDOR),
    Flag(name="aigc_watermark", label="Watermark", group="more", source=VENDOR),
    output=Output((("768P", (1366, 768)), ("1080P", (1920, 1080))), 6, 24, False, ("resolution",)),
    rules=(OnlyWhen("duration", "resolution", ("768P",), of=("10",)),),
    wire=(("resolution", "size"), ("images", "metadata.first_frame_image|metadata.last_frame_image"),
          ("prompt_optimizer", "metadata.prompt_optimizer"), ("fast_pretreatment", "metadata.fast_pretreatment"),
          ("aigc_watermark", "metadata.aigc_watermark")),
)  # fmt: skip

OTHERS = (
    OMNI,
    KLING,
    *GROK,
    VIDU,
    HAILUO,
    _sora("sora-2", "Sora 2", "Quick, with sound", "1280x720", "720x1280"),
    _sora("sora-2-pro", "Sora 2 Pro", "Best quality and larger sizes, with sound", "1280x720", "720x1280", "1792x1024",
          "1024x1792"),
)  # fmt: skip
