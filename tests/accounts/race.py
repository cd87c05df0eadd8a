"""A process of its own, on a database of its own: several people follow the setup link at the same moment.

Run as `python -m tests.accounts.race`, with STUDIO_DATA or DATABASE_URL set. Prints one JSON object.
"""

import json
import threading

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

PEOPLE = 6


def follow(number: int, token: str, start: threading.Barrier, outcomes: list[str]) -> None:
    from accounts.setup import SetupClosed, complete_setup

    start.wait()
    try:
        complete_setup(token, email=f"p{number}@example.com", password="x", name="P", team_name=f"Team {number}")
        outcomes.append("won")
    except SetupClosed:
        outcomes.append("closed")
    except Exception as error:  # reported, so that the test shows it
        outcomes.append(repr(error))
    finally:
        connection.close()


def main() -> None:
    django.setup()
    settings.STUDIO_NEW_TEAM = []
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    from accounts.models import FirstRun, Membership, Team, User
    from accounts.setup import open_setup

    call_command("migrate", "accounts", verbosity=0)
    token = open_setup()
    start, outcomes = threading.Barrier(PEOPLE), []
    threads = [threading.Thread(target=follow, args=(n, token, start, outcomes)) for n in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = {model.__name__: model.objects.count() for model in (User, Team, Membership, FirstRun)}
    print(json.dumps({"engine": connection.vendor, "outcomes": sorted(outcomes), "rows": rows}))


if __name__ == "__main__":
    main()
