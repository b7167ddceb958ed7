"""Which models there are, by the names that agents give: `rules`, `fake:script`, `provider:model`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from engine.models.fake import script_problem
from settings import Settings

Protocol = Literal["openai", "anthropic", "ollama"]

EXTRA = "pydantic_ai"
"The library behind every provider: an extra, which not every house has (docs/decisions/0051-models.md)."

_LONGEST_NAME = 200
LONGEST_SCRIPT = 4_000


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a provider's models are asked, and in which protocol."""

    protocol: Protocol
    url: str | None = None
    "None: where the protocol's maker has it."
    key: str | None = None
    seller: str | None = None
    "Whose list of prices it goes by; None: whoever sells at this address, if anybody is known to."

    def __repr__(self) -> str:
        return f"Provider({self.protocol!r}, {self.url!r})"


NOT_INSTALLED = "Models of providers are not installed here: start Baton with BATON_EXTRAS=models."


def is_installed() -> bool:
    """Whether the library is there. Does not import it."""
    return find_spec(EXTRA) is not None


def providers_of(settings: Settings) -> dict[str, Provider]:
    """The providers that the operator has set up, by the names that stand before the colon."""
    found: dict[str, Provider] = {}
    if settings.openai_api_key:
        found["openai"] = Provider(
            "openai", settings.openai_base_url, settings.openai_api_key.get_secret_value(), "openai"
        )
    if settings.anthropic_api_key:
        found["anthropic"] = Provider(
            "anthropic",
            settings.anthropic_base_url,
            settings.anthropic_api_key.get_secret_value(),
            "anthropic",
        )
    if settings.ollama_url:
        found["ollama"] = Provider("ollama", settings.ollama_url)
    for name, one in settings.providers.items():
        found[name] = Provider(one.protocol, one.url, one.key.get_secret_value() if one.key else None)
    return found


def model_problem(settings: Settings, name: str) -> str | None:
    """Why there is no such model here, in a sentence; None where there is."""
    if name == "rules":
        return None
    if name.startswith("fake:") and len(name) <= LONGEST_SCRIPT:
        return script_problem(name.removeprefix("fake:"))
    provider, colon, model = name.partition(":")
    if not (colon and provider and model) or len(name) > _LONGEST_NAME or not name.isprintable():
        return "Write `rules`, or `provider:model` such as `openai:gpt-5`."
    known = providers_of(settings)
    if provider not in known:
        there = ", ".join(sorted(known)) or "none"
        return f"The provider {provider!r} is not set up here; there is: {there}."
    return None if is_installed() else NOT_INSTALLED
