"""Who is working on a row. A lease is taken by a conditional update and names a process, so a dead owner is noticed."""

import datetime as dt
import os
import secrets
import socket
from collections.abc import Iterable
from functools import cache

from django.conf import settings
from django.db.models import Q

from ..models import Generation
from .moves import FREE, now


def start_of(pid: int) -> str:
    """When a process started, in clock ticks, so that a reused pid is not mistaken for the old owner; "" if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[19]
    except OSError:
        return ""


@cache
def _host() -> str:
    return socket.gethostname().replace(":", "_")


def me() -> str:
    pid = os.getpid()
    return f"{_host()}:{pid}:{start_of(pid)}"


def is_dead(owner: str) -> bool:
    """True only when `owner` ran on this machine and certainly no longer does. Another machine's owner is never dead."""
    host, _, rest = owner.partition(":")
    pid, _, started = rest.partition(":")
    if host != _host() or not pid.isdigit() or not os.path.isdir("/proc/self"):
        return False
    return start_of(int(pid)) != started


def claim(generation_id: int, states: tuple[str, ...]) -> Generation | None:
    """Lease a due row in one of `states` for settings.LEASE seconds; None when it is taken, not due or elsewhere."""
    return next(iter(claim_all([generation_id], states)), None)


def claim_all(generation_ids: Iterable[int], states: tuple[str, ...]) -> list[Generation]:
    """Those of these rows that can be leased, in the order given, each under a lease of its own row with one token."""
    pks, moment, token = list(generation_ids), now(), secrets.token_hex(16)
    taken = Generation.objects.filter(Q(lease_until=None) | Q(lease_until__lt=moment), pk__in=pks, state__in=states)
    if not taken.filter(due_at__lte=moment).update(
        lease_owner=me(), lease_token=token, lease_until=moment + dt.timedelta(seconds=settings.LEASE)
    ):
        return []
    mine = Generation.objects.filter(pk__in=pks, lease_token=token).select_related("provider_key")
    return sorted(mine, key=lambda row: pks.index(row.pk))


def renew(generation: Generation) -> bool:
    """Push the end of the lease out; False when it was lost."""
    until = now() + dt.timedelta(seconds=settings.LEASE)
    return bool(
        Generation.objects.filter(pk=generation.pk, lease_token=generation.lease_token).update(lease_until=until)
    )


def release(generation: Generation) -> None:
    Generation.objects.filter(pk=generation.pk, lease_token=generation.lease_token).update(**FREE)
