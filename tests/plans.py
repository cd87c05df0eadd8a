"""How the database means to answer a query: which indexes it takes, and whether it sorts."""

from collections.abc import Callable

from django.db import connection
from django.test.utils import CaptureQueriesContext


def plan_of(look: Callable[[], object], words: str) -> str:
    """Of the one query with these words that `look` makes."""
    with CaptureQueriesContext(connection) as asked:
        look()
    [found] = [one["sql"] for one in asked if words in one["sql"]]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # an empty table is read whole
        cursor.execute(f"EXPLAIN {'QUERY PLAN' if connection.vendor == 'sqlite' else ''} {found}")
        return " ".join(str(row) for row in cursor.fetchall())
