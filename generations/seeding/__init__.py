"""`manage.py seed`: a studio full of shots to look at, without asking any provider."""

from .shots import Seeded, fill

__all__ = ["Seeded", "fill"]
