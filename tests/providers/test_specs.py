import dataclasses

import pytest

from generations import specs
from generations.providers import MODELS, PROVIDERS, SPECS
from generations.providers.base import Job, Target
from generations.specs import Choice, Excludes, Flag, Media, ModelSpec, OnlyWhen, Output, Requires, Text
from generations.substitutes import changes

OUTPUT = Output((("16:9", (1280, 720)),), 8, 24, False)
SPEC = ModelSpec(
    slug="x", name="Xenon", provider="p", remote_name="x", protocol="p.x", output=OUTPUT,
    params=(
        Text(name="prompt", label="Prompt", required=True), Media(name="first", label="First frame", roles=("First frame",)),
        Media(name="refs", label="References", roles=("Reference",)), Flag(name="sound", label="Sound"),
        Choice(name="voice", label="Voice", choices=("a", "b")), Choice(name="mode", label="Mode", choices=("t2v", "i2v")),
    ),
    rules=(Requires("voice", "sound"), Excludes("refs", "first"), OnlyWhen("first", "mode", ("i2v",))),
)  # fmt: skip


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({}, []),
        ({"voice": "a"}, [("voice", "Voice needs Sound.")]),
        ({"voice": "a", "sound": True}, []),
        ({"refs": [1], "first": [1], "mode": "i2v"}, [("refs", "Xenon takes References or First frame, not both.")]),
        ({"first": [1], "mode": "t2v"}, [("first", "First frame works only when Mode is i2v.")]),
        ({"first": [1]}, [("first", "First frame works only when Mode is i2v.")]),
    ],
)
def test_rules_between_parameters_are_data(values: dict, broken: list) -> None:
    assert specs.broken_rules(SPEC, values) == broken


def test_needed_and_only_then_are_one_sentence() -> None:
    spec = SPECS["aiid-happyhorse-1.0"]
    assert specs.sentences(spec, "images") == ["First frame is needed when Mode is i2v, and only then."]
    assert specs.sentences(spec, "references") == [
        "References is needed when Mode is r2v.", "References works only when Mode is r2v or video_edit.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({"mode": "t2v"}, []),
        ({"mode": "i2v"}, ["images"]),
        ({"mode": "i2v", "images": [1]}, []),
        ({"mode": "t2v", "images": [1]}, ["images"]),
        ({"mode": "video_edit", "video": "x", "duration": "5"}, ["duration"]),
    ],
)
def test_what_one_mode_needs_is_forbidden_in_the_others(values: dict, broken: list) -> None:
    assert [name for name, _ in specs.broken_rules(SPECS["aiid-happyhorse-1.0"], values)] == broken


@pytest.mark.parametrize(
    ("slug", "values", "sentence"),
    [
        (
            "aiid-hailuo-video",
            {"duration": "10", "resolution": "1080P"},
            "Length 10 works only when Resolution is 768P.",
        ),
        ("aiid-hailuo-video", {"duration": "6", "resolution": "1080P"}, ""),
        ("aiid-veo3.1", {"duration": "4", "resolution": "1080p"}, "Resolution 1080p works only when Length is 8."),
        ("aiid-veo3.1", {"duration": "4", "resolution": "720p"}, ""),
        ("aiid-kling-video", {"sound": True, "mode": "std"}, "Sound works only when Quality is pro."),
        ("aiid-doubao-seedance-1-0-lite-i2v-250428", {}, "Seedance 1.0 Lite Image needs Frames or References."),
    ],
)
def test_a_limit_that_hangs_on_another_value_is_told_in_words(slug: str, values: dict, sentence: str) -> None:
    assert [words for _, words in specs.broken_rules(SPECS[slug], values)] == ([sentence] if sentence else [])


def test_the_spec_language_stays_small() -> None:
    kinds = specs.Param.__subclasses__()
    assert len(kinds) <= 8
    assert all(len(dataclasses.fields(kind)) <= 11 for kind in kinds)


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.slug)
def test_every_spec_is_whole(spec: ModelSpec) -> None:
    names = [param.name for param in spec]
    assert names[0] == "prompt"
    assert len(names) == len(set(names))
    assert spec.provider in PROVIDERS
    for rule in spec.rules:
        assert {rule.name, rule.other, getattr(rule, "instead", "") or rule.name} <= set(names)
    assert spec.of == "" or spec.slug in {way.slug for way in SPECS[spec.of].ways()}
    assert (
        set(spec.output.by) & set(names)
        or len(spec.output.sizes) == 1
        or (not spec.output.by and (spec.media or spec.needs_source))
    )
    for param in spec:
        if isinstance(param, Choice) and param.default is not None:
            assert param.default in param.choices
        if isinstance(param, Media):
            assert 0 <= param.minimum <= param.maximum


def test_the_fifteen_models_of_the_document_are_there() -> None:
    """Source: Apertis Video API, Supported Models and Image Reference Limits. Sora's images have no stated limit."""
    found = {spec.remote_name: (spec.param("aspect_ratio") is not None, sum(len(m.roles) for m in spec.media))
             for spec in PROVIDERS["apertis"].specs}  # fmt: skip
    assert found == {
        "veo2": (False, 0), "veo2-fast": (False, 0), "veo2-pro": (False, 0), "veo2-fast-frames": (False, 2),
        "veo2-fast-components": (False, 3), "veo3": (True, 0), "veo3-fast": (True, 0), "veo3-pro": (True, 0),
        "veo3-pro-frames": (True, 1), "veo3.1": (True, 2), "veo3.1-fast": (True, 2), "veo_3_1": (False, 1),
        "veo_3_1-fast": (False, 1), "sora-2": (False, 3), "sora-2-pro": (False, 3),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["sora-2", "sora-2-pro"])
def test_sora_takes_what_the_document_says_on_each_of_its_protocols(name: str) -> None:
    """Source: Apertis Video API, Sora-2 Specific Parameters; Sora-2 Extended API, Create Video and Character Parameters."""
    create, form = SPECS[f"apertis-{name}"], SPECS[f"apertis-{name}-videos"]
    assert {param.name for param in create} == {
        "prompt", "images", "orientation", "size", "duration", "watermark", "private", "character_url",
        "character_timestamps",
    }  # fmt: skip
    assert {param.name.partition("__")[0] for param in form} == {
        "prompt", "seconds", "size", "input_reference", "watermark", "private", "style", "metadata", "character_url",
        "character_timestamps", "character_from_task", "character_create",
    }  # fmt: skip
    choices = {param.name: (*param.choices, *param.wider) for spec in (create, form) for param in spec
               if isinstance(param, Choice)}  # fmt: skip
    assert choices["duration"] == ("10", "15", "25")
    assert choices["seconds"] == ("4", "8", "10", "12", "15", "25")
    assert set(choices["size"]) == {"720x1280", "1280x720", "480x480", "1080x1080"}


@pytest.mark.parametrize("spec", MODELS.values(), ids=lambda spec: spec.slug)
def test_a_model_that_has_ended_names_what_to_use_instead_and_what_changes(spec: ModelSpec) -> None:
    life = spec.lifecycle
    assert (life.status == "active") or (life.since and life.note)
    if life.status == "retired":
        substitute = SPECS[life.substitute]
        assert substitute.lifecycle.status != "retired"
        assert changes(spec, substitute)


def test_the_changes_are_said_in_words() -> None:
    assert changes(SPECS["apertis-sora-2"], SPECS["apertis-veo3.1"]) == [
        "It takes up to 2 images instead of up to 3 images.",
        "It makes 8 s instead of 10 s.",
        "It does not make 1920 × 1080 or 1080 × 1920.",
        "It has no orientation, watermark, private, character from a video or seconds of it.",
        "It also has aspect ratio, improve my prompt and upscale.",
    ]
    assert changes(SPECS["apertis-veo2"], SPECS["apertis-veo2-pro"]) == []
    assert "It makes sound." in changes(SPECS["apertis-veo2"], SPECS["apertis-veo3"])


SAID = ("size", "aspect_ratio", "ratio", "resolution", "quality", "orientation", "duration", "seconds")


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.slug)
def test_sizes_and_lengths_are_chosen_and_never_typed(spec: ModelSpec) -> None:
    """Every protocol writes them in its own way ("16x9", "1280x720", "720P", "large"), so no text is carried over."""
    assert all(isinstance(param, Choice) for param in spec if param.name in SAID)


@pytest.mark.parametrize("spec", SPECS.values(), ids=lambda spec: spec.slug)
def test_nobody_is_asked_to_call_us_back(spec: ModelSpec) -> None:
    """A poll is the truth; what calls itself a provider from outside could say anything."""
    values = {param.name: getattr(param, "default", None) for param in spec if param.name != "prompt"}
    job = Job(spec, "A boat", values, correlation="t-1", source="video_1")
    request = PROVIDERS[spec.provider].build_submit(job, Target("https://api.example.com", "sk-test-1234"))
    assert b"callback" not in request.body
    assert b"webhook" not in request.body
    assert not any("callback" in param.name or "webhook" in param.name for param in spec)


def test_an_image_is_needed_where_the_document_needs_one_and_not_on_the_whole_path() -> None:
    """`input_reference` of the same path is required for Veo 3.1 and optional for Sora."""
    needed = {
        slug: SPECS[slug].media[0].minimum for slug in ("apertis-veo_3_1", "apertis-sora-2-videos", "apertis-sora-2")
    }
    assert needed == {"apertis-veo_3_1": 1, "apertis-sora-2-videos": 0, "apertis-sora-2": 0}
