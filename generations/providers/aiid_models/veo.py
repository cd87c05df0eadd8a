"""Google Veo at AIID, twelve models.

Sources: the public clients of AIID for the fields that they send; New API's gemini adaptor for how size and images are read
(an image by address is ignored there, so only an image inside the request is safe); Google's documentation for the rest.
"""

from __future__ import annotations

from ...specs import Choice, Flag, Lifecycle, Media, ModelSpec, OnlyWhen, Output, Param, Picture, Text
from ..common import ENABLE_UPSAMPLE, ENHANCE_PROMPT
from .parts import PIXELS, SEED, frames, length, model, ratios, references, resolutions, turned

OMNI = "aiid-gemini-omni"
VEO_3 = Lifecycle("legacy", "2026-06-30", "Google has announced the end of Veo 3. AIID still lists it.", OMNI)
VEO_31 = Lifecycle("legacy", "2026-11-17", "Google has announced the end of Veo 3.1; Gemini Omni follows it.", OMNI)
SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "4k": (3840, 2160)}
GOOGLE = "Google's documentation; works when AIID asks Google itself"
PICTURE = Picture(most_bytes=20 * 2**20)
PLACES = (
    (PIXELS, "size"), ("resolution", ""), ("references", "images"), ("seed", "metadata.seed"),
    ("negative_prompt", "metadata.negativePrompt"),
    ("person_generation", "metadata.personGeneration"), ("generate_audio", "metadata.generateAudio"),
    ("enhance_prompt", "metadata.enhance_prompt"), ("enable_upsample", "metadata.enable_upsample"),
)  # fmt: skip

NEGATIVE = Text(name="negative_prompt", label="Leave out", group="more", source=GOOGLE)
PEOPLE = Choice(
    name="person_generation", label="People", choices=("allow_all", "allow_adult", "dont_allow"),
    labels=("All", "Adults", "None"), group="more", source=GOOGLE
)  # fmt: skip
AUDIO = Flag(name="generate_audio", label="Sound", default=True, group="more", source=GOOGLE)
FIRST = frames("First frame", least=1, by=("data",), picture=PICTURE)
FIRST_LAST = frames("First frame", "Last frame", by=("data",), picture=PICTURE)
THREE = references(3, 1, by=("data",), picture=PICTURE)


def _veo(
    name: str, title: str, summary: str, *media: Media, resolution: tuple[str, ...] = ("720p", "1080p")
) -> ModelSpec:
    """Google makes more than 720p only in 8 s."""
    sizes = tuple(
        (f"{kind}/{ratio}", size)
        for kind in resolution
        for ratio, size in (("16:9", SIZES[kind]), ("9:16", turned(SIZES[kind])))
    )
    choices: list[Param] = []
    if len(resolution) > 1:
        choices.append(resolutions(*resolution, default=resolution[0]))
    if resolution != ("4k",):
        choices.append(length((4, 6, 8), 8, help="Most relays of Veo always make 8 s.", source=GOOGLE))
    return model(
        name, title, summary, *media, ratios("16:9", "9:16"), *choices,
        NEGATIVE, PEOPLE, AUDIO, ENHANCE_PROMPT, ENABLE_UPSAMPLE, SEED,
        output=Output(sizes, 8, 24, True, ("resolution", "aspect_ratio"), "generate_audio"),
        rules=(OnlyWhen("resolution", "duration", ("8",), of=("1080p",)),) if len(resolution) > 1 else (),
        lifecycle=VEO_31 if "3.1" in name else VEO_3, wire=PLACES,
    )  # fmt: skip


VEO = (
    _veo("veo3.1", "Veo 3.1", "From text or frames, with sound", FIRST_LAST),
    _veo("veo3.1-fast", "Veo 3.1 Fast", "Quick, with sound", FIRST_LAST),
    _veo("veo3.1-pro", "Veo 3.1 Pro", "Best quality, with sound", FIRST_LAST),
    _veo("veo3.1-4k", "Veo 3.1 4K", "In 4K, with sound", FIRST_LAST, resolution=("4k",)),
    _veo("veo3.1-pro-4k", "Veo 3.1 Pro 4K", "Best quality in 4K, with sound", FIRST_LAST, resolution=("4k",)),
    _veo("veo3.1-components", "Veo 3.1 Components", "Puts your references together, with sound", THREE),
    _veo("veo3", "Veo 3", "Base model, with sound"),
    _veo("veo3-fast", "Veo 3 Fast", "Quick, with sound"),
    _veo("veo3-pro", "Veo 3 Pro", "Best quality, with sound"),
    _veo("veo3-frames", "Veo 3 Frames", "Starts from your frame, with sound", FIRST, resolution=("720p",)),
    _veo("veo3-fast-frames", "Veo 3 Fast Frames", "Quick, from your frame, with sound", FIRST, resolution=("720p",)),
    _veo(
        "veo3-pro-frames", "Veo 3 Pro Frames", "Best quality, from your frame, with sound", FIRST, resolution=("720p",)
    ),
)
