"""The models of AIID, a file a family: what each takes, and where in the request it goes.

AIID's page lists one set of fields for all models; what a model really reads is known from the open source of the gateway that
AIID runs (New API) and from the vendors' own documentation. A field that no vendor reads is not in the form; anything else can
be sent through `metadata`.
"""

from .happyhorse import HAPPYHORSE
from .others import OTHERS
from .seedance import SEEDANCE
from .veo import VEO

SPECS = (*SEEDANCE, *VEO, *HAPPYHORSE, *OTHERS)
