from .asset import Asset, Upload
from .beacon import Beacon
from .breaker import Breaker
from .character import Character
from .collection import Collection
from .evidence import Evidence
from .generation import Attempt, Event, Generation, Reuse
from .hosts import Host, HostModel
from .keys import ProviderKey
from .listing import Listing
from .money import Budget, Ledger, ModelPrice
from .prompt import Prompt
from .share import Share

__all__ = [
    "Asset",
    "Attempt",
    "Beacon",
    "Breaker",
    "Budget",
    "Character",
    "Collection",
    "Event",
    "Evidence",
    "Generation",
    "Host",
    "HostModel",
    "Ledger",
    "Listing",
    "ModelPrice",
    "Prompt",
    "ProviderKey",
    "Reuse",
    "Share",
    "Upload",
]
