"""The fifteen models of Apertis, each with every protocol that it runs on.

Source: Apertis Video API, sections Create Video, Image Reference Limits, Sora-2 Specific Parameters, Alternative API,
Sora-2 Extended API, Supported Models. What comes from elsewhere says so in its `source`.
"""

from __future__ import annotations

from dataclasses import replace

from ..specs import Choice, Excludes, Flag, Json, Lifecycle, Media, ModelSpec, Output, Param, Requires, Text, Way
from . import chat
from .common import ASPECT_RATIO, ENABLE_UPSAMPLE, ENHANCE_PROMPT, PROMPT

CREATE, VIDEOS, SORA_VIDEOS = "apertis.create_query", "apertis.videos", "apertis.videos.sora"
REMIX = "apertis.videos.remix"

OFF = (
    "Apertis' own page says that its video endpoints answer 404. Other hosts still speak this protocol: "
    "set the base URL of the key. The sandbox imitates it."
)
UNVERIFIED = Lifecycle("unverified", "2026-10-06", OFF)
OLD_VEO = Lifecycle("legacy", "2026-06-30", f"Google has set an end date for this model. {OFF}", "apertis-veo3.1")
OLD_VEO_FAST = replace(OLD_VEO, substitute="apertis-veo3.1-fast")
SORA_OFF = Lifecycle("retired", "2026-09-24", f"OpenAI has switched Sora 2 off. {OFF}", "apertis-veo3.1")

# The document gives no size, length or frame rate for Veo; these are the model owner's.
VEO_2 = Output(sizes=(("16:9", (1280, 720)),), seconds=8, fps=24, sound=False)
VEO_3 = Output(sizes=(("16:9", (1280, 720)), ("9:16", (720, 1280))), seconds=8, fps=24, sound=True)
VEO_FORM = Output(
    sizes=(("16x9", (1280, 720)), ("720x1280", (720, 1280)), ("1280x720", (1280, 720)), ("9x16", (720, 1280))),
    seconds=8, fps=24, sound=True, by=("size",),
)  # fmt: skip
SORA_CREATE = Output(
    sizes=(
        ("small/landscape", (1280, 720)), ("small/portrait", (720, 1280)),
        ("large/landscape", (1920, 1080)), ("large/portrait", (1080, 1920)),
    ),
    seconds=10, fps=30, sound=True, by=("size", "orientation"),
)  # fmt: skip
FRAMES = ("1280x720", "720x1280", "480x480", "1080x1080")
SORA_FORM = Output(
    sizes=tuple((size, (int(size.split("x")[0]), int(size.split("x")[1]))) for size in FRAMES),
    seconds=10, fps=30, sound=True, by=("size",),
)  # fmt: skip

REMIXED = replace(SORA_FORM, seconds=25)  # as long as the shot that is remixed, so at most this

FIRST_LAST_OPTIONAL = Media(
    name="images",
    label="Frames",
    roles=("First frame", "Last frame"),
    group="more",
    help="Not in the provider's document; hosts of the same family take them.",
    source="documentation of sibling gateways",
)
# --- Sora 2: what both of its protocols take ---------------------------------------------------------------------------------
SORA_PROMPT = replace(PROMPT, help="@name puts a character of yours into it.", casts=True)
WATERMARK = Flag(name="watermark", label="Watermark", group="more", help="Hosts of this family read it differently.")
PRIVATE = Flag(
    name="private", label="Private", group="more", help="Not published. Some hosts cannot remix such a video."
)
CHARACTER_URL = Text(
    name="character_url", label="Character from a video", shape="url", group="more",
    help="The address of a video; 1 to 3 seconds of it become a character.",
)  # fmt: skip
CHARACTER_SPAN = Text(
    name="character_timestamps", label="Seconds of it", shape="span", group="more", help="From and to, such as 1,3.",
)  # fmt: skip
SORA_CREATE_RULES = (Requires("character_timestamps", "character_url"),)
SORA_FORM_RULES = (
    Excludes("character_url", "character_from_task"),
    Requires("character_timestamps", "character_url", "character_from_task"),
    Requires("character_create__create_self_portrait", "character_url", "character_from_task"),
    Requires("character_create__save_to_library", "character_url", "character_from_task"),
)
SORA_FORM_PARAMS = (
    SORA_PROMPT,
    Media(name="input_reference", label="First frame", roles=("First frame",), by=("file",)),
    Choice(name="size", label="Size", choices=FRAMES, default="1280x720",
           help="The two square sizes stand in Apertis' document only; other hosts may refuse them."),
    Choice(name="seconds", label="Length", choices=("4", "8", "10", "12", "15", "25"), default="10", unit="s"),
    WATERMARK,
    PRIVATE,
    Text(name="style", label="Style", group="more", help="A preset of the provider's; the document lists none by name."),
    Json(name="metadata", label="Metadata", group="more", help="Kept by the provider with the video."),
    CHARACTER_URL,
    Text(name="character_from_task", label="Character from a shot", group="more", max_length=512,
         help="The task id of a finished shot, as its page shows it under Provenance."),
    CHARACTER_SPAN,
    Flag(name="character_create__create_self_portrait", label="Make a portrait of the character", group="more"),
    Flag(name="character_create__save_to_library", label="Keep the character in the library", group="more"),
)  # fmt: skip
REMIX_PARAMS = (
    Text(name="prompt", label="What to change", required=True, lines=5),
    Choice(name="size", label="Size", choices=FRAMES, help="Auto keeps the size of the shot."),
)


def _frames(*roles: str) -> Media:
    return Media(name="images", label="Frames" if roles[0] == "First frame" else "References", roles=roles, minimum=1)


def _veo(name: str, title: str, *extra: Param, output: Output, summary: str, life: Lifecycle) -> ModelSpec:
    return ModelSpec(
        slug=f"apertis-{name}", name=title, provider="apertis", remote_name=name, protocol=CREATE,
        params=(PROMPT, *extra, ENHANCE_PROMPT, ENABLE_UPSAMPLE), output=output, summary=summary, lifecycle=life,
    )  # fmt: skip


def _veo_form(name: str, title: str, summary: str) -> ModelSpec:
    """Veo 3.1 through the form of /v1/videos, where an image is required."""
    return ModelSpec(
        slug=f"apertis-{name}", name=title, provider="apertis", remote_name=name, protocol=VIDEOS,
        params=(
            PROMPT,
            Media(name="input_reference", label="Image", roles=("Base image",), minimum=1, by=("file",)),
            Choice(name="size", label="Aspect ratio", choices=("16x9", "720x1280"), default="16x9",
                   wider=("1280x720", "9x16"), source="documentation of sibling gateways"),
            Choice(name="seconds", label="Length", choices=("4", "5", "6", "8"), default="8", unit="s",
                   help="The document states no limits: 5 is its example, 4, 6 and 8 are what Google's model makes.",
                   source="the document's example, and Google's for the model"),
            WATERMARK,
        ),
        output=VEO_FORM, summary=summary, lifecycle=UNVERIFIED,
    )  # fmt: skip


def _sora(name: str, title: str, summary: str, length: Choice) -> ModelSpec:
    references = Media(
        name="images", label="References", roles=("Reference 1 of 3", "Reference 2 of 3", "Reference 3 of 3"),
        help="Apertis' document asks for at least one; hosts of the same family also make videos from the prompt alone.",
    )  # fmt: skip
    create = (
        SORA_PROMPT, references,
        Choice(name="orientation", label="Orientation", choices=("landscape", "portrait"), default="landscape"),
        Choice(name="size", label="Quality", choices=("small", "large"), default="small",
               help="Small is about 720p, large 1080p."),
        length, replace(WATERMARK, default=True), PRIVATE, CHARACTER_URL, CHARACTER_SPAN,
    )  # fmt: skip
    return ModelSpec(
        slug=f"apertis-{name}", name=title, provider="apertis", remote_name=name, protocol=CREATE, label="Create",
        params=create, output=SORA_CREATE, rules=SORA_CREATE_RULES, summary=summary, lifecycle=SORA_OFF,
        others=(
            Way(slug=f"apertis-{name}-videos", label="Videos", protocol=SORA_VIDEOS, params=SORA_FORM_PARAMS,
                output=SORA_FORM, rules=SORA_FORM_RULES, summary=f"{summary}; can be remixed"),
            Way(slug=f"apertis-{name}-chat", label="Chat", protocol=chat.PROTOCOL, params=(PROMPT,), output=chat.OUTPUT,
                summary="From words alone, with progress and sound"),
            Way(slug=f"apertis-{name}-remix", label="Remix", protocol=REMIX, params=REMIX_PARAMS, output=REMIXED,
                name=f"{title} Remix", summary="Changes a finished shot", needs_source=True),
        ),
    )  # fmt: skip


SORA_LENGTH = Choice(
    name="duration", label="Length", choices=("10",), default="10", unit="s", wider=("15", "25"),
    help="The document's table of models promises 10 s for Sora 2.", source="the document's table of parameters",
)  # fmt: skip

SPECS = (
    _veo("veo3.1-fast", "Veo 3.1 Fast", ASPECT_RATIO, FIRST_LAST_OPTIONAL, output=VEO_3, summary="Quick, with sound",
         life=UNVERIFIED),
    _veo("veo3.1", "Veo 3.1", ASPECT_RATIO, FIRST_LAST_OPTIONAL, output=VEO_3, summary="Latest, with sound",
         life=UNVERIFIED),
    _veo("veo3-fast", "Veo 3 Fast", ASPECT_RATIO, output=VEO_3, summary="Quick, with sound", life=OLD_VEO_FAST),
    _veo("veo3", "Veo 3", ASPECT_RATIO, output=VEO_3, summary="Base model, with sound", life=OLD_VEO),
    _veo("veo3-pro", "Veo 3 Pro", ASPECT_RATIO, output=VEO_3, summary="Best quality, with sound", life=OLD_VEO),
    _veo("veo3-pro-frames", "Veo 3 Pro Frames", _frames("First frame"), ASPECT_RATIO, output=VEO_3,
         summary="Starts from your frame, with sound", life=OLD_VEO),
    _veo("veo2-fast", "Veo 2 Fast", output=VEO_2, summary="Quick, silent", life=OLD_VEO_FAST),
    _veo("veo2", "Veo 2", output=VEO_2, summary="Base model, silent", life=OLD_VEO),
    _veo("veo2-pro", "Veo 2 Pro", output=VEO_2, summary="Best quality, silent", life=OLD_VEO),
    _veo("veo2-fast-frames", "Veo 2 Fast Frames", _frames("First frame", "Last frame"), output=VEO_2,
         summary="Between your frames, silent", life=OLD_VEO_FAST),
    _veo("veo2-fast-components", "Veo 2 Fast Components",
         _frames("Reference 1 of 3", "Reference 2 of 3", "Reference 3 of 3"), output=VEO_2,
         summary="Puts your references together, silent", life=OLD_VEO_FAST),
    _veo_form("veo_3_1", "Veo 3.1 Image", "Moves your image, with sound"),
    _veo_form("veo_3_1-fast", "Veo 3.1 Image Fast", "Moves your image quickly, with sound"),
    _sora("sora-2", "Sora 2", "Scenes with sound", SORA_LENGTH),
    _sora("sora-2-pro", "Sora 2 Pro", "Longer scenes with sound",
          Choice(name="duration", label="Length", choices=("10", "15", "25"), default="10", unit="s")),
)  # fmt: skip
