"""What is served is smaller than what is written, and says the same."""

import gzip
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from playwright._impl._driver import compute_driver_executable

from accounts.models import User
from studio.assets import is_ours, small

from .shots import make_shot

STATIC = Path(settings.BASE_DIR, "static")
OURS = sorted(path.name for path in STATIC.iterdir() if is_ours(path.name))


def test_a_style_sheet_keeps_its_strings_and_what_blank_space_means():
    css = """/* a note; with { signs } */
    a :hover, b:hover { content: " ; {x} "; width: calc(1px + 2px);
      color: red; }
    """
    assert small("a.css", css) == 'a :hover,b:hover{content:" ; {x} ";width:calc(1px + 2px);color:red}'


def test_a_rule_for_what_is_inside_stays_one():
    assert small("a.css", ".a :is(.b, .c) { top: 0 }") == ".a *:is(.b,.c){top:0}"
    assert small("a.css", ".a:is(.b, .c) { top: 0 }") == ".a:is(.b,.c){top:0}"


@pytest.mark.browser
@pytest.mark.parametrize("name", [name for name in OURS if name.endswith(".css")])
def test_a_browser_reads_the_same_rules_in_a_small_style_sheet(browser: Any, name: str):
    page = browser.new_page()
    source = (STATIC / name).read_text()
    written, served = (_rules(page, text) for text in (source, small(name, source)))
    page.close()
    assert len(written) > 5
    assert served == written


def _rules(page: Any, css: str) -> list[str]:
    """Every rule as the browser understands it; what a property of our own holds is kept as it is written, blanks and all."""
    read = "css => { const s = new CSSStyleSheet(); s.replaceSync(css); return Array.from(s.cssRules, rule => rule.cssText); }"
    rules = "\n".join(page.evaluate(read, css)).replace("*:", ":").splitlines()
    return [re.sub(r"\s+", " ", re.sub(r"\s*([,(){};/]|(?<=[\w-]):(?= ))\s*", r"\1", rule)) for rule in rules]


def test_a_script_keeps_its_texts_and_every_address_in_them():
    script = "// a note\n\n  if (a)\n    open('https://x');  // here\n  b(`two  blanks ${c  +  d} // no note`)\n"
    assert small("a.js", script) == "if(a)\nopen('https://x');b(`two  blanks ${c  +  d} // no note`)"


@pytest.mark.parametrize("name", [name for name in OURS if name.endswith(".js")])
def test_a_small_script_is_still_one(name, tmp_path):
    file = tmp_path / "small.mjs"
    file.write_text(small(name, (STATIC / name).read_text()))
    node, _ = compute_driver_executable()  # the browser tests' own
    done = subprocess.run([node, "--check", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name in OURS if name.endswith(".js")])
def test_no_text_stands_within_another_where_its_blanks_would_be_lost(name):
    """The minifier takes a text in backticks to end at the next backtick: within `${…}` there may be none."""
    nested = re.search(r"\$\{[^}`]*`.*", (STATIC / name).read_text())
    assert nested is None, nested[0]


@pytest.mark.parametrize("name", OURS)
def test_making_a_file_small_twice_is_making_it_small_once(name):
    once = small(name, (STATIC / name).read_text())
    assert small(name, once) == once


def test_what_is_collected_is_small(settings, tmp_path):
    settings.STATIC_ROOT = tmp_path
    call_command("collectstatic", interactive=False, verbosity=0)
    for name in OURS:
        sent = next(tmp_path.glob(f"{Path(name).stem}.*[0-9a-f]{Path(name).suffix}")).read_text()
        assert len(sent) < len((STATIC / name).read_text())
    sizes = [next(tmp_path.glob(f"{name}.*[0-9a-f].css.gz")).stat().st_size for name in ("tokens", "studio")]
    assert sum(sizes) < 20_000


@pytest.mark.django_db
def test_pages_are_compressed_and_films_are_not(team: Any, user: User, client_for: Any):
    shot = make_shot(team, files=("video",))
    client: Client = client_for(user)
    page = client.get("/gallery/", headers={"Accept-Encoding": "gzip"})
    assert page["Content-Encoding"] == "gzip"
    assert b"<html" in gzip.decompress(page.content)
    film = client.get(f"/media/{shot.pk}/video.mp4", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in film
