"""What the loop looks at when there is nothing to do: as little as possible, however many shots are finished."""

import pytest

from generations import agenda, hints

from .plans import plan_of


@pytest.mark.django_db
def test_looking_for_pictures_to_make_reads_no_shot_that_has_them() -> None:
    newest = 'ORDER BY "generations_generation"."finished_at" DESC'
    for look in (agenda.next_drawing, lambda: hints.hand_out(lambda task, rows: None)):
        assert "pictures_due" in plan_of(look, newest)
