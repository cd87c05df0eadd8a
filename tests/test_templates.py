"""Rules that every template keeps, because the page policy would break what does not, silently."""

import json
import re
from pathlib import Path

import pytest
from django.core.management import call_command
from django.template import engines
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "templates"
TEMPLATES = sorted(FOLDER.rglob("*.html"))
SPRITE = (ROOT / "static" / "icons.svg").read_text()

# What `script-src 'self'; style-src 'self'` blocks, and the htmx features that need eval.
BANNED = {
    "hx-on needs eval": r"\bhx-on",
    "js: needs eval": r"\bjs:",
    "trigger filters need eval": r'hx-trigger="[^"]*\[',
    "a style attribute is blocked": r"\sstyle=",
    "a style element is blocked": r"<style",
    "an inline handler is blocked": r"\son[a-z]+\s*=",
    "an inline script is blocked": r"<script(?![^>]*\ssrc=)",
    "output must stay escaped": r"\|\s*safe\b|autoescape off",
}


def relative(path: Path) -> str:
    return str(path.relative_to(FOLDER))


ABOUT_ONESELF = {"_account.html", "base.html", "accounts/join.html", "accounts/setup.html"}


def test_every_form_of_a_team_names_the_team_of_its_page():
    """Another tab may have chosen another team since."""
    forms = {relative(path): path.read_text() for path in TEMPLATES if "{% csrf_token %}" in path.read_text()}
    ours = {name: text for name, text in forms.items() if not name.startswith("account/") and name not in ABOUT_ONESELF}
    assert len(ours) > 10
    named = '{% csrf_token %}{% include "_page_team.html" %}'
    assert [name for name, text in ours.items() if text.count("{% csrf_token %}") != text.count(named)] == []


def test_there_are_templates_to_check():
    assert len(TEMPLATES) > 20


@pytest.mark.parametrize("reason", BANNED)
def test_no_template_uses_what_the_policy_blocks(reason):
    found = [relative(path) for path in TEMPLATES if re.search(BANNED[reason], path.read_text(), re.IGNORECASE)]
    assert found == [], reason


@pytest.mark.parametrize(
    ("reason", "example"),
    [
        ("hx-on needs eval", '<b hx-on:click="x()">'),
        ("js: needs eval", '<b hx-vals="js:{a: 1}">'),
        ("trigger filters need eval", '<b hx-trigger="keyup[ctrlKey]">'),
        ("a style attribute is blocked", '<b style="color:red">'),
        ("a style element is blocked", "<style>b{}</style>"),
        ("an inline handler is blocked", '<b onclick="x()">'),
        ("an inline script is blocked", "<script>x()</script>"),
        ("output must stay escaped", "{{ name|safe }}"),
    ],
)
def test_the_lint_sees_what_it_looks_for(reason, example):
    assert re.search(BANNED[reason], example, re.IGNORECASE)
    assert not re.search(BANNED[reason], '<script src="x.js" defer></script><b class="jsx" data-on="1">')


def test_no_template_is_longer_than_120_lines():
    assert {relative(path): lines for path in TEMPLATES if (lines := path.read_text().count("\n")) > 120} == {}


@pytest.mark.parametrize("path", TEMPLATES, ids=relative)
def test_every_template_compiles(path):
    assert get_template(relative(path))


def test_every_icon_that_is_asked_for_is_in_the_sprite():
    asked = {name for path in TEMPLATES for name in re.findall(r'{%\s*icon\s+"([^"]+)"', path.read_text())}
    assert asked - set(re.findall(r'id="i-([^"]+)"', SPRITE)) == set()


def test_an_icon_is_hidden_from_assistive_technology(settings):
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    drawn = engines["django"].from_string('{% load studio_ui %}{% icon "film" "i-14" %}').render()
    assert drawn == '<svg class="i i-14" aria-hidden="true"><use href="/static/icons.svg#i-film"/></svg>'


def test_every_static_file_that_is_asked_for_exists(settings, tmp_path):
    """Collects with the production storage, which also follows every url() of the style sheets."""
    settings.STATIC_ROOT = tmp_path
    call_command("collectstatic", interactive=False, verbosity=0)
    named = {name for path in TEMPLATES for name in re.findall(r"{%\s*static\s+'([^']+)'", path.read_text())}
    served = json.loads((tmp_path / "staticfiles.json").read_text())["paths"]
    assert [name for name in sorted(named) if not (tmp_path / served.get(name, "missing")).exists()] == []
    style = next(tmp_path.glob("tokens.*[0-9a-f].css")).read_text()
    assert re.search(r'url\("fonts/studio-ui\.[0-9a-f]{12}\.woff2"\)', style)
