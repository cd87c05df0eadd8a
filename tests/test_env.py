"""What the environment and the machine say, read in words that help."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from studio import env


@pytest.mark.parametrize(
    ("target", "zone"),
    [
        ("/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"),
        ("/var/db/timezone/zoneinfo/Asia/Kolkata", "Asia/Kolkata"),
        ("/usr/share/zoneinfo/No/Such_Place", "UTC"),
        ("/usr/share/zoneinfo/../../passwd", "UTC"),
        ("/etc/localtime", "UTC"),
    ],
)
def test_the_zone_is_the_machines_where_python_knows_it(
    monkeypatch: pytest.MonkeyPatch, target: str, zone: str
) -> None:
    monkeypatch.setattr("os.path.realpath", lambda path: target)
    assert env.machine_zone() == zone


@pytest.mark.parametrize(("unit", "words"), [({}, "a number of seconds"), ({"unit": "a port number"}, "a port number")])
def test_a_wrong_number_is_refused_with_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch, unit: dict[str, str], words: str
) -> None:
    monkeypatch.setenv("STUDIO_PORT", "http")
    with pytest.raises(ImproperlyConfigured, match=f"Use {words}."):
        env.number("STUDIO_PORT", 8000, **unit)
