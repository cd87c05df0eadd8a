"""The twenty goals of the interface: what each promises, and what only a person can say about it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    number: int
    title: str
    how: str  # it is measured
    person: str = ""  # what no program can decide, and why


@dataclass(frozen=True)
class Measure:
    """One number of a goal. It is met when it is not above `limit`."""

    goal: int
    what: str
    value: float
    limit: float
    unit: str = ""
    note: str = ""  # what was found, where the number alone does not say it

    @property
    def met(self) -> bool:
        return self.value <= self.limit


GOALS = (
    Goal(1, "JavaScript of a first load", "bytes on the wire, gzip, cold cache, every page"),
    Goal(2, "CSS, fonts and HTML of a first load", "the same"),
    Goal(3, "Requests before load, pictures and films apart; third parties", "every page, the event stream included"),
    Goal(4, "First contentful paint", "median of 5 cold loads"),
    Goal(5, "Largest contentful paint", "median of 5 cold loads"),
    Goal(6, "Layout shift, also while jobs stream in", "layout-shift entries without recent input"),
    Goal(7, "Slowest interaction", "Event Timing over a script of fifteen tasks"),
    Goal(8, "A worker's commit to the painted frame", "time in the event log to MutationObserver and frame"),
    Goal(9, "Submit to the card of the job", "Ctrl Enter to the frame with the card, p95"),
    Goal(10, "Pointer over a tile to a preview that plays", "the pointer's event to `playing`, p95"),
    Goal(11, "Accessibility rules that are broken", "axe-core, WCAG 2.0 to 2.2 A and AA and best practice; every page,"
         " both themes, 1440 and 390 pixels"),
    Goal(12, "Focus that is covered; small targets; sideways scroll at 320 pixels", "Tab through every page; axe; width"),
    Goal(13, "Policy violations and console errors; template lint", "every page; `tests/test_templates.py`"),
    Goal(14, "Open to a submitted job", "clicks, counted"),
    Goal(15, "Keyboard only: submit with a first frame, watch, favourite, remix, share, delete and undo",
         "steps that needed a mouse; tab stops of the grid"),
    Goal(16, "Failed job to submitted again", "clicks, counted; values that were lost"),
    Goal(17, "A gallery of 5,000 shots", "the server's time with a warm process, its queries; long tasks while ten loaded"
         " pages are scrolled"),
    Goal(18, "Everything but previews, menus and live progress without JavaScript", "the journey with scripts off"),
    Goal(19, "A hidden tab shows the true state when it returns", "from visible to the true card; visibility is set"
         " through the page, because a headless browser hides nothing"),
    Goal(20, "Both themes match the reference pages; 200 % zoom and a font of 32 pixels",
         "pages that scroll sideways", "Whether a page matches the reference to the eye. `make screenshots` lays them out."),
)  # fmt: skip
BY_NUMBER = {goal.number: goal for goal in GOALS}
