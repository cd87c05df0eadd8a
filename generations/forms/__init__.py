"""ParameterForm: the form of any model, built from its ModelSpec. The only validator of what people ask for."""

from .carrying import Carried, as_inputs, carry_over, posted
from .cast import CastForm
from .conflicts import Conflict, Fix
from .fitting import fit
from .media import Slot, misfit
from .parameters import RESERVED, TAKES, ParameterForm, new_token, no_key

__all__ = [
    "RESERVED",
    "TAKES",
    "Carried",
    "CastForm",
    "Conflict",
    "Fix",
    "ParameterForm",
    "Slot",
    "as_inputs",
    "carry_over",
    "fit",
    "misfit",
    "new_token",
    "no_key",
    "posted",
]
