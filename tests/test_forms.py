"""The form of every model keeps the same promises, because it is built from the spec and from nothing else."""

from typing import Any

import pytest
from django.http import QueryDict

from generations.forms import RESERVED, ParameterForm, carry_over, misfit, new_token, posted
from generations.forms.addresses import LONGEST, UnusableAddress, checked
from generations.forms.fields import STUDIO_LIMIT
from generations.models import ProviderKey, Upload
from generations.providers import SPECS
from generations.specs import (
    Choice,
    Excludes,
    Flag,
    Integer,
    Json,
    Media,
    ModelSpec,
    Number,
    OnlyWhen,
    Output,
    Requires,
    Text,
    is_set,
)

from . import pictures
from .filled import filled

URL = "https://images.example.com/{}.png"
ALL = pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
WEIRD = ModelSpec(  # one of each kind, with every limit
    slug="test-weird", name="Weird 1", provider="apertis", remote_name="weird", protocol="test",
    params=(
        Text(name="prompt", label="Prompt", required=True, lines=5, max_length=100),
        Media(name="style", label="Styles", roles=("Style 1 of 2", "Style 2 of 2")),
        Choice(name="duration", label="Length", choices=("4", "8"), unit="s", default="8"),
        Choice(name="voice", label="Voice", choices=tuple("abcdefg")),
        Integer(name="seed", label="Seed", minimum=0, maximum=4294967295),
        Number(name="strength", label="Prompt strength", minimum=0, maximum=1, step=0.1, default=0.6),
        Flag(name="audio", label="Generate audio", default=True),
        Text(name="leave_out", label="Leave out", max_length=20, group="more"),
        Json(name="extra", label="From the provider", group="more"),
    ),
    rules=(Requires("seed", "leave_out"), Excludes("voice", "style"), OnlyWhen("extra", "duration", ("8",))),
    output=Output(sizes=(("", (64, 64)),), seconds=8, fps=24, sound=True),
)  # fmt: skip


@pytest.fixture
def plain_key(team) -> ProviderKey:
    """A key that nothing is ever sent with; its provider is on this machine, so it can fetch uploads."""
    return ProviderKey.objects.create(
        team=team, provider="apertis", secret="x" * 12, last4="xxxx", base_url="http://127.0.0.1:1"
    )


@pytest.fixture
def form(team, user, plain_key):
    """`form(spec, values, files)` is a bound form; without values the shortest that is valid."""

    def make(spec: ModelSpec, values: dict[str, Any] | None = None, files: Any = None, **options: Any) -> ParameterForm:
        data = QueryDict(mutable=True)
        data.update(filled(spec, team, user) if values is None else values)
        data.setdefault("form_token", new_token())
        return ParameterForm(spec, data, files or {}, team=team, user=user, key=options.get("key", plain_key))

    return make


@pytest.fixture
def minimal(team, user):
    """`minimal(spec, name=value)` is the shortest valid form with these values."""

    def make(spec: ModelSpec, **given: Any) -> dict[str, str]:
        return filled(spec, team, user, **given)

    return make


def rejected(form: ParameterForm, name: str) -> str:
    assert not form.is_valid()
    return " ".join(form.errors[name])


@ALL
def test_the_shortest_valid_form_gives_every_parameter_a_value(form, spec):
    made = form(spec)
    assert made.is_valid(), made.errors
    params = made.cleaned_params()
    assert set(params) == {param.name for param in spec} - {"prompt"}
    assert all(params[param.name] == param.default for param in spec if isinstance(param, Choice) and param.default)
    assert (made.cleaned_data["prompt"], made.takes) == ("A boat leaves the harbour", 1)


@ALL
def test_every_choice_of_the_spec_is_accepted_and_nothing_else(form, minimal, spec):
    for param in spec:
        for choice in param.choices if isinstance(param, Choice) else ():
            made = form(spec, minimal(spec, **{param.name: choice}))
            assert made.is_valid(), (choice, made.errors)
            assert made.cleaned_params()[param.name] == choice
        if isinstance(param, Choice):
            made = form(spec, minimal(spec) | {param.name: "17:3"})
            assert all(word in rejected(made, param.name) for word in (*param.choices, "17:3"))
            assert made[param.name].value() == "17:3"


def test_values_that_say_little_are_shown_in_words(team, user):
    made = ParameterForm(SPECS["aiid-kling-video"], team=team, user=user, key=None)
    assert [(each["value"], each["label"]) for each in made.fields["mode"].options] == [
        ("std", "Standard"),
        ("pro", "Pro"),
    ]


@ALL
def test_a_prompt_is_required_and_its_limit_is_named(form, minimal, spec):
    assert "missing" in rejected(form(spec, minimal(spec) | {"prompt": "  \r\n "}), "prompt")
    limit = spec.param("prompt").max_length or STUDIO_LIMIT
    assert form(spec, minimal(spec) | {"prompt": "é" * limit}).is_valid()
    long = form(spec, minimal(spec) | {"prompt": "é" * (limit + 1)})
    sentence = rejected(long, "prompt")
    assert f"{limit:,}" in sentence
    assert f"{limit + 1:,}" in sentence
    assert long["prompt"].value() == "é" * (limit + 1)


@ALL
def test_too_few_images_are_refused_with_the_number_that_is_needed(form, spec):
    for media in spec.media:
        if media.minimum:
            made = form(spec, {"prompt": "A boat"})
            assert f"{spec.name} needs at least {media.minimum} image" in rejected(made, media.name)


@ALL
def test_images_by_address_come_back_with_their_roles_in_order(form, minimal, spec):
    for media in spec.media:
        urls = {f"{media.name}-{i}-url": URL.format(i) for i in range(media.maximum)}
        made = form(spec, minimal(spec, **urls))
        if not {"url", "file"} & set(media.by):
            assert "takes no addresses of images. Upload" in rejected(made, media.name)
            continue
        assert made.is_valid(), made.errors
        wanted = [{"role": role, "url": URL.format(i)} for i, role in enumerate(media.roles)]
        assert made.cleaned_params()[media.name] == wanted


@ALL
def test_no_parameter_has_a_name_that_the_form_needs_itself(spec):
    names = [param.name for param in spec]
    assert not RESERVED & set(names)
    assert len(names) == len(set(names))
    assert "prompt" in names


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ({"duration": "5"}, "duration", "4 or 8"),
        ({"seed": "12.5", "leave_out": "x"}, "seed", "from 0 to 4,294,967,295"),
        ({"seed": "-1", "leave_out": "x"}, "seed", "from 0 to 4,294,967,295"),
        ({"seed": "9" * 5000, "leave_out": "x"}, "seed", "whole number"),
        ({"strength": "1.5"}, "strength", "from 0 to 1 in steps of 0.1"),
        ({"strength": "0.55"}, "strength", "steps of 0.1"),
        ({"strength": "nan"}, "strength", "number from 0 to 1"),
        ({"leave_out": "x" * 21}, "leave_out", "Weird 1 takes at most 20"),
        ({"extra": "[1]"}, "extra", "JSON object"),
        ({"extra": '{"a": NaN}'}, "extra", "JSON object"),
        ({"extra": '{"a": "\\u0000"}'}, "extra", "JSON object"),
        ({"extra": '{"a": "\\ud800"}'}, "extra", "JSON object"),
        ({"extra": "[" * 4000}, "extra", "JSON object"),
        ({"extra": '{"a":' * 2000}, "extra", "8,000"),
        ({"prompt": "a\x00b"}, "prompt", "Null characters"),
        ({"prompt": "a\udcffb"}, "prompt", "not text"),
        ({"takes": "3"}, "takes", "1, 2 or 4"),
        ({"seed": "7"}, "seed", "Seed needs Leave out."),
        ({"voice": "a", "style-0-url": URL}, "voice", "not both"),
        ({"extra": "{}", "duration": "4"}, "extra", None),  # an empty object is not set, so no rule is broken
        ({"extra": '{"a": 1}', "duration": "4"}, "extra", "only when Length is 8"),
    ],
)
def test_each_broken_limit_is_named_and_the_value_is_kept(form, minimal, values, name, words):
    made = form(WEIRD, minimal(WEIRD) | values)
    if words is None:
        assert made.is_valid()
        return
    sentence = rejected(made, name)
    assert words in sentence
    assert len(made.errors[name]) == 1
    assert made[name].value() == values[name]


def test_unset_values_are_none_so_that_the_provider_decides(form, minimal):
    made = form(WEIRD, minimal(WEIRD))
    assert made.is_valid()
    found = made.cleaned_params()
    assert {name for name, value in found.items() if not is_set(value)} == {
        "style", "voice", "seed", "strength", "audio", "leave_out", "extra",
    }  # fmt: skip
    assert found["audio"] is False  # an unticked switch is an answer
    assert found["duration"] == "8"


def test_values_arrive_in_their_own_types(form, minimal):
    values = {"seed": "7", "strength": "0.3", "audio": "on", "leave_out": " text\r\n ", "extra": '{"a": {"b": 1}}'}
    made = form(WEIRD, minimal(WEIRD) | values)
    assert made.is_valid(), made.errors
    assert made.cleaned_params() == {
        "style": [], "duration": "8", "voice": None, "seed": 7, "strength": 0.3, "audio": True, "leave_out": "text",
        "extra": {"a": {"b": 1}},
    }  # fmt: skip


def test_the_fields_come_in_the_order_of_the_page(team, user):
    made = ParameterForm(WEIRD, team=team, user=user, key=None)
    assert [field.name for field in made.wide_fields + made.paired_fields] == [
        "style", "duration", "voice", "seed", "strength", "takes", "audio",
    ]  # fmt: skip
    assert [field.name for field in made.more_fields] == ["leave_out", "extra"]
    assert not made.more_open
    assert ParameterForm(WEIRD, team=team, user=user, key=None, initial={"leave_out": "text"}).more_open


# --- tokens and keys -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("token", ["", "short", "x" * 65, "a b" * 8, "<script>alert(1)</script>"])
def test_a_form_without_a_proper_token_is_refused_and_gets_a_new_one(form, minimal, token):
    spec = SPECS["apertis-veo3"]
    made = form(spec, minimal(spec) | {"form_token": token})
    assert "out of date" in rejected(made, "__all__")
    assert made.token != token
    assert len(made.token) == 32


def test_a_token_survives_a_refused_form_and_every_new_form_has_its_own(form, team, user):
    spec = SPECS["apertis-veo3"]
    token = new_token()
    made = form(spec, {"prompt": "", "form_token": token})
    assert not made.is_valid()
    assert made.token == token
    fresh = {ParameterForm(spec, team=team, user=user, key=None).token for _ in range(50)}
    assert len(fresh) == 50


def test_without_a_key_the_form_says_who_can_add_one(form, team, user):
    spec = SPECS["apertis-veo3"]
    assert "Ask the owner of Harbour film" in rejected(form(spec, key=None), "__all__")
    user.is_superuser = True
    assert "Add one in the administration" in rejected(form(spec, key=None), "__all__")


# --- images ----------------------------------------------------------------------------------------------------------------
FRAMES = SPECS["apertis-veo2-fast-frames"]
PARTS = SPECS["apertis-veo2-fast-components"]


def test_an_uploaded_image_is_stored_and_sent_as_the_teams_own(form, team):
    made = form(FRAMES, {"prompt": "A boat"}, {"images-0-file": pictures.file()})
    assert made.is_valid(), made.errors
    (image,) = made.cleaned_params()["images"]
    assert image == {"role": "First frame", "upload": team.uploads.get().pk}


def test_a_stored_image_survives_when_another_field_is_wrong(form, team):
    made = form(FRAMES, {"prompt": ""}, {"images-0-file": pictures.file(name="sea.png")})
    assert not made.is_valid()
    assert made.fields["images"].slots[0].upload == team.uploads.get()


def test_the_same_picture_again_is_the_same_upload(form):
    picture = pictures.png(colour="#123456")
    first, second = (form(FRAMES, {"prompt": "A boat"}, {"images-0-file": pictures.file(picture)}) for _ in "12")
    assert first.is_valid()
    assert second.is_valid()
    assert first.cleaned_params() == second.cleaned_params()


def test_a_foreign_upload_is_refused_like_one_that_never_was(form, stranger):
    from generations import uploads

    theirs = uploads.keep(pictures.file(), team=stranger.teams.get(), user=stranger)
    answers = [rejected(form(FRAMES, {"prompt": "A boat", "images-0-upload": str(pk)}), "images")
               for pk in (theirs.pk, 10**9, "x", "-1", "9" * 40)]  # fmt: skip
    assert len(set(answers)) == 1
    assert "not one of your team's" in answers[0]


def test_a_last_frame_alone_is_refused_because_the_provider_would_take_it_for_the_first(form):
    made = form(FRAMES, {"prompt": "A boat", "images-1-url": URL.format(1)})
    assert "First frame is empty" in rejected(made, "images")


def test_references_close_up_when_one_in_the_middle_is_missing(form):
    made = form(PARTS, {"prompt": "A boat", "images-0-url": URL.format("a"), "images-2-url": URL.format("c")})
    assert made.is_valid(), made.errors
    assert made.cleaned_params()["images"] == [
        {"role": "Reference 1 of 3", "url": URL.format("a")},
        {"role": "Reference 2 of 3", "url": URL.format("c")},
    ]


def test_an_upload_is_refused_when_the_provider_cannot_reach_the_studio(form, plain_key, settings):
    plain_key.base_url = "https://api.example.com"
    made = form(FRAMES, {"prompt": "A boat"}, {"images-0-file": pictures.file()})
    assert "STUDIO_PUBLIC_URL" in rejected(made, "images")
    settings.PUBLIC_URL = "https://studio.example.com"
    assert form(FRAMES, {"prompt": "A boat"}, {"images-0-file": pictures.file()}).is_valid()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/a.png", "https://"),
        ("javascript:alert(1)", "https://"),
        ("//example.com/a.png", "https://"),
        ("https:///a.png", "name a host"),
        ("https://user:secret@example.com/a.png", "user name"),
        ("https://exa mple.com/a.png", "blanks"),
        ("https://example.com\\@10.0.0.1/", "blanks or control"),
        ("https://example.com:99999/a.png", "not an address"),
        ("https://[::1/a.png", "not an address"),
        ("http://localhost/a.png", "not on the public internet"),
        ("http://nas.local/a.png", "not on the public internet"),
        ("http://nas/a.png", "not on the public internet"),
        ("http://127.0.0.1/a.png", "not on the public internet"),
        ("http://127.1/a.png", "not on the public internet"),
        ("http://2130706433/a.png", "not on the public internet"),
        ("http://0x7f.0.0.1/a.png", "not on the public internet"),
        ("http://10.1.2.3/a.png", "not on the public internet"),
        ("http://169.254.169.254/latest", "not on the public internet"),
        ("http://100.64.0.1/a.png", "not on the public internet"),
        ("http://[::1]/a.png", "not on the public internet"),
        ("http://[::ffff:127.0.0.1]/a.png", "not on the public internet"),
        ("http://[64:ff9b::7f00:1]/a.png", "not on the public internet"),
        ("https://example.com/" + "a" * LONGEST, f"{LONGEST:,}"),
    ],
)
def test_an_address_that_a_provider_cannot_or_must_not_fetch_is_refused(form, url, words):
    with pytest.raises(UnusableAddress, match=words):
        checked(url)
    made = form(FRAMES, {"prompt": "A boat", "images-0-url": url})
    assert words in rejected(made, "images")
    assert made.fields["images"].slots[0].url == url


@pytest.mark.parametrize(
    "url", ["https://example.com/a.png?x=1#y", "http://8.8.8.8:8080/a", "https://münchen.example/a"]
)
def test_an_address_on_the_public_internet_is_taken_as_it_is(url):
    assert checked(url) == url


@pytest.mark.parametrize(
    ("slug", "size", "words"),
    [("aiid-happyhorse-1.0-i2v", (299, 299), "at least 300 pixels on the short side; this image has 299 × 299"),
     ("aiid-happyhorse-1.0-r2v", (399, 500), "at least 400 pixels"),
     ("aiid-kling-video", (1000, 300), "from 0.4 to 2.5 times as wide as high"),
     ("minimax-i2v-01", (300, 300), "at least 301 pixels"), ("minimax-s2v-01", (301, 800), "times as wide as high")],
)  # fmt: skip
def test_an_image_that_the_vendor_would_not_take_is_refused_with_the_limit(form, minimal, slug, size, words):
    spec = SPECS[slug]
    media = spec.media[0]
    kept = {name: value for name, value in minimal(spec).items() if not name.startswith(media.name)}
    made = form(spec, kept, {f"{media.name}-0-file": pictures.file(pictures.png(size))})
    assert words in rejected(made, media.name)


def test_an_image_that_is_too_heavy_for_the_vendor_is_refused():
    spec = SPECS["aiid-happyhorse-1.0-i2v"]
    heavy = Upload(bytes=11 * 2**20, width=1000, height=1000)
    assert "at most 10 MB" in misfit(spec.media[0].picture, heavy, spec.name)


@pytest.mark.parametrize(
    ("value", "words"),
    [("https://v.example/1.mp4 https://v.example/2.mp4", "at most 1"), ("ftp://v.example/1.mp4", "https://"),
     ("http://192.168.0.7/1.mp4", "not on the public internet"), ("", "missing")],
)  # fmt: skip
def test_the_address_of_a_source_video_is_checked_like_an_images(form, minimal, value, words):
    spec = SPECS["aiid-happyhorse-1.0-video-edit"]
    assert words in rejected(form(spec, minimal(spec) | {"video": value}), "video")


# --- switching the model ---------------------------------------------------------------------------------------------------
def test_what_the_new_model_takes_is_kept_and_what_it_cannot_take_is_said_once():
    values = {"prompt": "A boat", "aspect_ratio": "9:16", "enhance_prompt": True, "takes": "4", "images": []}
    carried = carry_over(SPECS["apertis-veo2"], values, SPECS["apertis-veo3.1"])
    assert carried.kept == {"prompt": "A boat", "enhance_prompt": True, "takes": "4"}
    assert carried.notes == ["Veo 2 has no aspect ratio."]
    assert ("aspect_ratio", "9:16") in carried.aside_inputs


def test_a_default_that_goes_is_not_worth_a_sentence():
    carried = carry_over(SPECS["apertis-veo2"], {"aspect_ratio": "16:9", "images": []}, SPECS["apertis-veo3.1"])
    assert carried.notes == []


def test_images_that_do_not_fit_are_counted_and_the_others_keep_their_places():
    images = [{"role": "Reference 1 of 3", "url": URL.format(i)} for i in range(3)]
    carried = carry_over(SPECS["apertis-veo3-pro-frames"], {"images": images}, PARTS)
    assert carried.kept["images"] == images[:1]
    assert carried.notes == ["Veo 3 Pro Frames takes up to 1 here; 2 images were left out."]


def test_a_value_that_the_new_model_does_not_know_becomes_its_default_and_says_so():
    carried = carry_over(WEIRD, {"duration": "5", "prompt": "x" * 500}, None)
    assert carried.notes == ["Weird 1 has no length 5. It is 8 now."]
    assert "duration" not in carried.kept
    assert carried.kept["prompt"] == "x" * 500  # too long here, but typed by somebody


ON_BY_DEFAULT = [(spec, param) for spec in SPECS.values() for param in spec if param.kind == "flag" and param.default]


@pytest.mark.parametrize(
    ("spec", "param"), ON_BY_DEFAULT, ids=lambda one: getattr(one, "slug", getattr(one, "name", ""))
)
def test_a_switch_that_was_turned_off_is_off_after_a_look_at_another_model(team, user, spec, param):
    other = next(one for one in SPECS.values() if not one.param(param.name))
    there = carry_over(other, {"prompt": "A boat", param.name: False}, spec)
    inputs = QueryDict(mutable=True)
    inputs.update({"model": other.slug, "prompt": "A boat", **dict(there.aside_inputs)})
    values, old, _ = posted(inputs, {}, team=team, user=user)
    back = carry_over(spec, values, old)
    form = ParameterForm(spec, None, None, team=team, user=user, key=None, initial=back.kept)
    assert form[param.name].value() is False
    assert "checked" not in str(form[param.name])


def test_a_way_back_brings_everything_back(team, user):
    before = {"prompt": "A boat", "aspect_ratio": "9:16", "enhance_prompt": True, "takes": "2",
              "images": [{"role": "First frame", "url": URL.format(1)}]}  # fmt: skip
    there = carry_over(SPECS["apertis-veo2"], before, SPECS["apertis-veo3.1"])
    data = QueryDict(mutable=True)
    data.update({"model": "apertis-veo2", "prompt": "A boat", "enhance_prompt": "on", "takes": "2"})
    data.update(dict(there.aside_inputs))
    values, old, refused = posted(data, {}, team=team, user=user)
    back = carry_over(SPECS["apertis-veo3.1"], values, old)
    assert (back.kept["aspect_ratio"], back.kept["images"][0]["url"]) == ("9:16", URL.format(1))
    assert (back.kept["enhance_prompt"], back.kept["enable_upsample"]) == (True, False)
    assert (back.notes, refused) == ([], [])


@ALL
def test_every_model_can_be_left_for_every_other_and_still_give_a_valid_form(form, minimal, spec):
    start = minimal(spec, takes="2")
    made = form(spec, start)
    assert made.is_valid()
    values = made.cleaned_params() | {"prompt": "A boat", "takes": "2"}
    for other in {(str(other.params), str(other.rules)): other for other in SPECS.values()}.values():  # each form once
        kept = carry_over(other, values, spec).kept
        drawn = ParameterForm(other, team=made.team, user=made.user, key=made.key, initial=kept)
        names = {media.name for media in other.media}
        data = {field.name: field.value() for field in drawn if field.name not in names and field.value()}
        for media in other.media:
            slots = drawn.fields[media.name].slots
            if {"url", "file"} & set(media.by):
                data |= {f"{slot.name}-url": slot.url for slot in slots if slot.url}
            data |= {f"{slot.name}-upload": str(slot.upload.pk) for slot in slots if slot.upload}
        sent = form(other, minimal(other, **data))
        assert sent.is_valid(), (other.slug, sent.errors)
        assert sent.takes == 2
