"""What Django has to do before the processes start: database, static files, setup link, and whether a sandbox is wanted."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from accounts.setup import open_setup
from generations.models import ProviderKey
from studio import env

from .preflight import CannotStart

# Compressing takes seconds: copies of htmx (ours are in static/vendor), and what the admin has in a small version.
UNUSED = ["django_htmx", "jquery.js", "select2.full.js", "xregexp.js"]


def migrate() -> bool:
    """Bring the database to this version. False when it already was (the usual case; takes about 50 ms)."""
    try:
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        call_command("migrate", interactive=False, verbosity=0)
        return True
    except DatabaseError as error:
        place = settings.DATABASES["default"]
        raise CannotStart(
            f"The database {place.get('HOST') or place['NAME']} cannot be used ({str(error).splitlines()[0]})."
            " Nothing was started. Start it, or correct DATABASE_URL."
        ) from error


def collect_static() -> bool:
    """Copy and compress the static files when one of them, or the way they are stored, changed. False when not."""
    stamp = settings.DATA / "static.stamp"
    current = static_stamp()
    if settings.DEBUG or (stamp.exists() and stamp.read_text() == current and settings.STATIC_ROOT.exists()):
        return False
    # clear: without it an older file of an older version would not replace the newer one that is there
    call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=UNUSED)
    stamp.write_text(current)
    return True


def static_stamp() -> str:
    """A hash over name, size and time of every source file; reading them all would take a hundred times as long."""
    lines = [str(settings.STORAGES["staticfiles"]), Path(settings.BASE_DIR, "studio", "assets.py").read_text()]
    for finder in get_finders():
        for name, storage in finder.list(UNUSED):
            stat = Path(storage.path(name)).stat()
            lines.append(f"{name} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def wants_sandbox() -> bool:
    """STUDIO_SANDBOX when it is set; else until the studio has a real key."""
    if not settings.SANDBOX or env.text("STUDIO_SANDBOX"):
        return bool(settings.SANDBOX)
    return not ProviderKey.objects.filter(is_sandbox=False).exclude(state=ProviderKey.DISABLED).exists()


def address() -> str:
    """Where people reach the studio."""
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    host = "127.0.0.1" if settings.HOST in ("0.0.0.0", "::") else settings.HOST  # noqa: S104  (compared, not bound)
    return f"http://[{host}]:{settings.PORT}" if ":" in host else f"http://{host}:{settings.PORT}"


def setup_link() -> str:
    """The one-time link while nobody has an account, else ""."""
    token = open_setup()
    return f"{address()}/setup/{token}/" if token else ""
