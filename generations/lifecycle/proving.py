"""The connection test of a key: free questions, never a generation, and a plain account of what they proved."""

import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .. import keys
from ..models import ProviderKey
from ..models.fields import Unopenable
from ..providers import http
from ..providers.abilities import Provider
from ..providers.base import Busy, KeyRefused, ProviderError, Target
from ..registry import PROVIDERS
from ..scrub import scrub

FREE = "Nothing was made and nothing is charged."


@dataclass
class Proof:
    """`works` when nothing speaks against the key; `sentences` say what was proved and what was not."""

    works: bool
    sentences: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return " ".join([*self.sentences, FREE])


def prove(key: ProviderKey) -> Proof:
    """Ask about a task that does not exist, with the key, and once more with a key that nobody has."""
    provider = PROVIDERS.get(key.provider)
    if provider is None:
        return Proof(False, [f"This studio no longer knows the provider {key.provider}."])
    try:
        target = Target(key.base_url, keys.open_secret(key))
    except Unopenable as error:
        return Proof(False, [str(error)])
    host = urlsplit(key.base_url).netloc
    try:
        _ask(provider, target)
    except KeyRefused as error:
        return Proof(False, [f"{host} answers as {provider.name} does, and refuses the key.", scrub(error.message)])
    except Busy as error:
        said = scrub(error.message).rstrip(".")
        return Proof(True, [f"{host} answers and asks to wait ({said}), so the key is not proved. Try again later."])
    except ProviderError as error:
        return Proof(False, [f"{host} did not answer as {provider.name} does.", scrub(error.message)])
    return Proof(True, [f"{host} answers as {provider.name} does, and takes the key.", _is_looked_at(provider, target)])


def _is_looked_at(provider: Provider, target: Target) -> str:
    """Whether "takes the key" says anything: some hosts answer whoever asks."""
    try:
        _ask(provider, Target(target.base_url, f"sk-{secrets.token_hex(20)}"))
    except KeyRefused:
        return "It refuses a made-up key, so this one is good. Whether its account has funds shows with the first shot."
    except ProviderError:
        return "Whether it would refuse a wrong key could not be found out."
    return "It answers a made-up key just the same, so whether this one is good shows with the first shot."


def _ask(provider: Provider, target: Target) -> None:
    """Raises as read_probe does. What cannot be read at all is no answer."""
    with http.polling_client() as client:
        response = http.get(client, provider.build_probe(target))
    try:
        provider.read_probe(response)
    except ProviderError:
        raise
    except Exception as error:
        raise ProviderError(f"Its answer could not be read ({type(error).__name__}).") from error
