"""manage.py restored: after a backup was put back. What it says is waiting may have been sent and paid since."""

from typing import Any

from django.core.management.base import BaseCommand

from generations import keys
from generations.lifecycle import epoch
from generations.models import Character, Generation, ProviderKey
from generations.states import State


class Command(BaseCommand):
    help = "Rests every provider key, so that nothing of a restored queue is sent before a person has looked at it."

    def handle(self, *args: Any, **options: Any) -> None:
        active = ProviderKey.objects.filter(state=ProviderKey.ACTIVE)
        for key in active:
            keys.pause(key, epoch.RESTORED)
        waiting = Generation.objects.filter(state=State.QUEUED).count()
        orders = Character.objects.filter(state=Character.WAITING).count()
        self.stdout.write(
            f"Every provider key rests, and {waiting} waiting shots and {orders} waiting characters are not sent. Look at"
            " them in the queue and under Cast: cancel what the provider has already made (its page shows the ids), then"
            " resume the keys there."
        )
