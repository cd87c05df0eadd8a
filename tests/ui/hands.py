"""Goals 14, 15 and 16: how many clicks it takes, and whether it goes without any."""

from typing import Any

from tests import pictures
from tests.stack import until

from . import jobs
from .goals import Measure
from .stand import Stand, wait

IMAGE_MODEL = "minimax-i2v-01"  # starts from a picture
NEW = (
    "Math.max(0, ...[...document.querySelectorAll('#queue-list .job')].map((job) => Number(job.dataset.generationId)))"
)
STEPS = ("first frame", "submit", "watch", "favourite", "remix", "share", "delete", "undo")


class Mouse:
    """Counts what a person would click."""

    def __init__(self) -> None:
        self.clicks = 0

    def click(self, target: Any) -> None:
        target.click()
        self.clicks += 1


def clicks(stand: Stand) -> list[Measure]:
    return [
        Measure(14, "clicks by keyboard (C, type, Ctrl Enter)", _by_keyboard(stand), 0, ""),
        Measure(14, "clicks by mouse", _by_mouse(stand), 2, ""),
        Measure(14, "clicks for image to video", _image(stand), 3, ""),
    ]


def _ready(tab: Any) -> None:
    """The script of the composer counts the characters as soon as it runs."""
    tab.wait_for_selector("#prompt")
    wait(tab, "document.querySelector('#prompt-n').textContent.includes('/')", 30, "the composer's script")


def _taken(tab: Any, before: int) -> None:
    wait(tab, f"{NEW} > {before}", 20, "the card of the new job")


def _by_keyboard(stand: Stand) -> int:
    with stand.tab() as tab:
        tab.goto("/gallery/")
        tab.keyboard.press("c")
        _ready(tab)
        tab.keyboard.press("c")
        before = tab.evaluate(NEW)
        tab.keyboard.type(f"A boat at dusk {jobs.SMALL}")
        tab.keyboard.press("Control+Enter")
        _taken(tab, before)
    return 0


def _by_mouse(stand: Stand) -> int:
    with stand.tab() as tab:
        tab.goto("/")
        _ready(tab)
        mouse, before = Mouse(), tab.evaluate(NEW)
        mouse.click(tab.locator("#prompt"))
        tab.keyboard.press("Control+a")
        tab.keyboard.type(f"A boat at noon {jobs.SMALL}")
        mouse.click(tab.locator("#generate"))
        _taken(tab, before)
        return mouse.clicks


def _image(stand: Stand) -> int:
    with stand.tab() as tab:
        tab.goto(f"/?model={IMAGE_MODEL}")
        _ready(tab)
        mouse, before = Mouse(), tab.evaluate(NEW)
        with tab.expect_file_chooser() as chooser:
            mouse.click(tab.locator("label[data-slot]").first)
        chooser.value.set_files(frame())
        tab.wait_for_selector("[data-slot] img")
        mouse.click(tab.locator("#prompt"))
        tab.keyboard.press("Control+a")
        tab.keyboard.type(f"The boat leaves {jobs.SMALL}")
        mouse.click(tab.locator("#generate"))
        _taken(tab, before)
        return mouse.clicks


def frame() -> dict[str, Any]:
    return {"name": "frame.png", "mimeType": "image/png", "buffer": pictures.png((1280, 720))}


# --- keyboard only ----------------------------------------------------------------------------------------------------------
def tab_to(tab: Any, selector: str, most: int = 60, key: str = "Tab") -> bool:
    """Press Tab until the focus is there."""
    for _ in range(most):
        tab.keyboard.press(key)
        if tab.evaluate("selector => document.activeElement.matches(selector)", selector):
            return True
    return False


def keyboard(stand: Stand) -> list[Measure]:
    with stand.tab() as tab:
        done = journey(tab)
        tab.goto("/gallery/")
        tab.wait_for_selector("#grid .shot")
        stops = tab.evaluate("document.querySelectorAll('#grid .shot :is(a, button, input)[tabindex=\"0\"]').length")
    failed = [step for step in STEPS if step not in done]
    return [
        Measure(15, "steps that needed a mouse", len(failed), 0, "", ", ".join(done)),
        Measure(15, "tab stops of the grid", stops, 1, ""),
    ]  # fmt: skip


def journey(tab: Any) -> list[str]:
    """The steps that could be done with keys alone, in order; it ends at the first that could not."""
    done: list[str] = []
    try:
        for step in (_first_frame, _submit, _watch, _favourite, _remix, _share, _delete, _undo):
            step(tab)
            done.append(step.__name__.strip("_").replace("_", " "))
    except Exception as error:  # what could not be done is the result
        done.append(f"then: {str(error)[:200]}")
    return done


def _first_frame(tab: Any) -> None:
    tab.goto(f"/?model={IMAGE_MODEL}")
    _ready(tab)
    assert tab_to(tab, "input[type=file]"), "no tab stop for the first frame"
    with tab.expect_file_chooser() as chooser:
        tab.keyboard.press("Space")
    chooser.value.set_files(frame())
    tab.wait_for_selector("[data-slot] img")


def _submit(tab: Any) -> None:
    before = tab.evaluate(NEW)
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("c")
    tab.keyboard.press("Control+a")
    tab.keyboard.type(f"By keys alone {jobs.SMALL}")
    tab.keyboard.press("Control+Enter")
    _taken(tab, before)


def _watch(tab: Any) -> None:
    pk = tab.evaluate(NEW)
    wait(tab, f"document.querySelector('#job-{pk}')?.dataset.state === 'done'", 60, "the job to be done")
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("g")
    tab.keyboard.press("g")
    tab.wait_for_selector("#grid .shot")
    until(lambda: tab.reload() and tab.locator(f"#tile-{pk} img").count(), 60, "the picture of the new shot")
    tab.wait_for_timeout(300)
    assert tab_to(tab, f"#tile-{pk} > a"), "the grid has no tab stop"


def _favourite(tab: Any) -> None:
    tab.keyboard.press("f")
    wait(tab, "document.activeElement.closest('.shot').querySelector('[id^=fav-]').ariaPressed === 'true'", 5)


def _remix(tab: Any) -> None:
    pk = tab.evaluate("document.activeElement.closest('.shot').dataset.generationId")
    tab.keyboard.press("r")
    tab.wait_for_selector("#composer")
    assert f"from={pk}" in tab.evaluate("location.search")
    assert "By keys alone" in tab.locator("#prompt").input_value()
    tab.go_back()
    tab.wait_for_selector(f"#tile-{pk}")
    tab.wait_for_timeout(400)


def _share(tab: Any) -> None:
    assert tab_to(tab, "#grid .shot > a"), "the grid has no tab stop"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("studio-player")
    tab.keyboard.press("s")
    tab.wait_for_url("**/share/")
    button = "main form button"
    assert tab_to(tab, button), "no tab stop for the link"
    tab.keyboard.press("Enter")
    tab.wait_for_selector("code.address")


def _delete(tab: Any) -> None:
    tab.evaluate("document.activeElement.blur()")
    tab.keyboard.press("g")
    tab.keyboard.press("g")
    tab.wait_for_selector("#grid .shot")
    tab.wait_for_timeout(400)
    assert tab_to(tab, "#grid .shot > a"), "the grid has no tab stop"
    pk = tab.evaluate("document.activeElement.closest('.shot').dataset.generationId")
    tab.keyboard.press("Delete")
    wait(tab, f"!document.querySelector('#tile-{pk}')", 5, "the tile to go")
    wait(tab, "document.activeElement.closest('#grid .shot') !== null", 5, "the focus on the next tile")


def _undo(tab: Any) -> None:
    before = tab.locator("#grid .shot").count()
    tab.keyboard.press("Control+z")
    until(lambda: tab.locator("#grid .shot").count() == before + 1, 5, "the tile to come back")


# --- a failed job ------------------------------------------------------------------------------------------------------------
def retry(stand: Stand) -> list[Measure]:
    asked = {"aspect_ratio": "9:16", "takes": "1"}
    with stand.tab() as tab:
        tab.goto("/")
        pk, state = jobs.ended(stand, jobs.press(stand, tab, "A kite over the dunes [[fail]]", **asked))
        assert state == "failed", state
        tab.goto("/")  # it was not started in this tab, so its card would wait behind a button
        mouse = Mouse()
        card = tab.locator(f"#job-{pk}")
        wait(tab, f"document.querySelector('#job-{pk}')?.dataset.state === 'failed'", 20, "the card to say so")
        before = tab.evaluate(NEW)
        mouse.click(card.locator(f"#job-act-{pk}"))
        tab.wait_for_timeout(1500)
        if tab.evaluate(NEW) == before:
            mouse.click(tab.locator("#generate"))
            _taken(tab, before)
        new = tab.evaluate(NEW)
    sql = "SELECT prompt, params, model FROM generations_generation WHERE id = ?"
    lost = int(jobs.ask(stand, sql, pk) != jobs.ask(stand, sql, new))
    return [
        Measure(16, "clicks", mouse.clicks, 2, ""),
        Measure(16, "prompt, model or settings lost", lost, 0, ""),
    ]
