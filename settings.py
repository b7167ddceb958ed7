"""What an operator may set: typed, read from the environment once, refused with every problem listed."""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, TypeAlias
from urllib.parse import unquote, urlsplit

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_NAMED_BY_CUSTOM = {"DATABASE_URL", "BROADCAST_URL"}
# Names the launcher passes on; they are no settings.
_LAUNCHER = {"BATON_CWD", "BATON_VENV", "BATON_EXTRAS"}


def _as_given(address: str) -> str:
    """Checked, and as it was written: a slash at its end would mean something else to some servers."""
    AnyHttpUrl(address)
    return address


Network: TypeAlias = IPv4Network | IPv6Network
HttpAddress = Annotated[str, AfterValidator(_as_given)]


class SettingsError(Exception):
    """The settings are wrong; the message lists every problem, one a line."""


class ProviderSettings(BaseModel):
    """A provider of models, in the words of one of the known protocols."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    url: HttpAddress
    key: SecretStr | None = None
    protocol: Literal["openai", "anthropic", "ollama"] = "openai"


class Settings(BaseSettings):
    """Every field is read from `BATON_<NAME>`; the two addresses from `DATABASE_URL` and `BROADCAST_URL`."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(
        env_prefix="BATON_", extra="ignore", populate_by_name=True, env_ignore_empty=True
    )

    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    "Postgres 15 or newer; without it a private one is kept under `data_dir`."
    direct_url: str | None = Field(default=None, validate_default=True)
    """Postgres itself, where `database_url` is a pooler that lends connections for a transaction (PgBouncer):
    hints and migrations go there."""
    broadcast_url: str | None = Field(
        default=None, validation_alias="BROADCAST_URL", pattern=r"^(rediss?|unix)://"
    )
    "Redis for the hints of many servers; without it they go through Postgres. Nothing else depends on it."
    data_dir: Path = Path(".baton")
    log_format: Literal["json", "console"] | None = None
    "Without one: words for a terminal, else JSON."
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    "With `debug` there is a line for each operation and each run."
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    tracing: bool = False
    """Whether spans are sent, by OTLP over HTTP; where to and how many is said by OpenTelemetry's own names:
    `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`."""
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Where `/metrics` and the probes of this server or worker are, at `host`; without it nowhere. Who can
    reach this port can read them: keep it inside."""
    pool_size: int = Field(default=10, ge=1, le=200)
    "Connections of one server process, without the two for hints."

    jwt_secret: SecretStr | None = None
    "At least 32 bytes; without it one is made and kept in `data_dir`."
    jwt_issuer: str = "baton"
    jwt_audience: str = "baton"
    jwks_url: AnyHttpUrl | None = None
    "Also accept RS256 and ES256 tokens of this issuer; needs `jwks_issuer` and `jwks_audience`."
    jwks_issuer: str | None = Field(default=None, validate_default=True)
    jwks_audience: str | None = Field(default=None, validate_default=True)
    access_token_seconds: int = Field(default=900, ge=30, le=86_400)
    refresh_token_days: int = Field(default=30, ge=1, le=365)

    allowed_origins: Annotated[list[str], NoDecode] = Field(default_factory=list[str])
    "Origins of browser pages that may call us (CORS and WebSocket), separated by commas."
    console: bool = True
    "Whether `/` is the console: tasks, chat, runs, approvals, agents."
    graphiql: bool = True
    mcp: bool = True
    "Whether agents of other houses may come in at `/mcp`."
    introspection: bool = True
    "Whether the schema can be read; where not, errors suggest no names of it either."
    trusted_documents: Path | None = None
    """A manifest, or a folder of manifests and `.graphql` files: then only these documents run, by their id
    or as they are written, for everybody and in GraphiQL."""
    max_body_bytes: int = Field(default=262_144, ge=1_024)
    max_message_bytes: int = Field(default=65_536, ge=1_024)
    max_tokens: int = Field(default=1_500, ge=100)
    max_depth: int = Field(default=12, ge=2)
    max_aliases: int = Field(default=30, ge=1)
    max_cost: int = Field(default=10_000, ge=1)
    "Points that one operation may cost: about the objects that it may bring, lists at their full size."
    cost_per_minute: int = Field(default=100_000, ge=0, le=2_000_000_000)
    "Points that one user may spend in a minute, on all servers together; 0: any number."
    anonymous_cost_per_minute: int = Field(default=600, ge=0, le=2_000_000_000)
    "The same for callers without a token (signing up and in), for each client address."
    sign_ins_per_minute: int = Field(default=5, ge=0, le=10_000)
    "Attempts to sign in to one account from one client address; 0: any number."
    trusted_proxies: Annotated[list[str], NoDecode] = Field(default_factory=list[str])
    """Addresses or networks of proxies, separated by commas, whose `X-Forwarded-For` says where a request
    comes from. Without any, the header is ignored."""
    operation_timeout_seconds: float = Field(default=10, gt=0, le=60)
    "Queries that wait by contract (awaitExecution, waitMs) get their own time on top."
    connection_init_seconds: float = Field(default=5, gt=0, le=60)
    heartbeat_seconds: float = Field(default=15, gt=0, le=300)
    max_sockets_per_user: int = Field(default=50, ge=1)
    "At one server process; one more is closed with 1013."
    max_streams_per_user: int = Field(default=500, ge=1)
    "Subscriptions at one server process, over all of a user's sockets; one more is RATE_LIMITED."
    slow_consumer_seconds: float = Field(default=30, gt=0, le=600)
    "How long a subscriber may take to accept a frame before its stream is closed with SLOW_CONSUMER."
    dead_peer_seconds: int = Field(default=20, ge=1, le=600)
    "How long a client may take or answer nothing at all before the kernel ends its connection."

    worker_slots: int = Field(default=10, ge=1, le=1_000)
    "Runs that one worker process carries at the same time."
    lease_seconds: float = Field(default=12, ge=1, le=300)
    poll_seconds: float = Field(default=2, gt=0, le=60)
    "The net behind hints: how long a lost one may delay a reader or a worker."
    tools_module: str | None = None
    "A Python module whose marked functions are tools: see `docs/tools.md`."
    model_timeout_seconds: float = Field(default=120, gt=0, le=3_600)
    "What one call of a model may take before it counts as failed."
    interrupt_days: float = Field(default=7, gt=0, le=365)
    "How long a person may take to answer what a run asks; then the run ends."
    drain_seconds: float = Field(default=10, gt=0, le=300)

    keep_events_days: int = Field(default=30, ge=1, le=36_500)
    "How far back a stream can be resumed: logs of runs that ended, of conversations and of users."
    keep_runs_days: int = Field(default=90, ge=1, le=36_500)
    "Runs that ended, with their steps; never one whose family still lives."
    keep_deleted_days: int = Field(default=30, ge=1, le=36_500)
    "Tombstones of deleted tasks, schedules and conversations."
    prune_minutes: float = Field(default=60, gt=0, le=10_080)
    "How often the workers, one of them each time, delete what is older."

    openai_api_key: SecretStr | None = None
    "Offers the models of `openai:`."
    openai_base_url: HttpAddress | None = None
    anthropic_api_key: SecretStr | None = None
    "Offers the models of `anthropic:`."
    anthropic_base_url: HttpAddress | None = None
    ollama_url: HttpAddress | None = None
    "Offers the models of `ollama:`, e.g. http://localhost:11434/v1."
    providers: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")], ProviderSettings] = Field(
        default_factory=dict[str, ProviderSettings]
    )
    """More of them, as JSON: {"groq": {"url": "https://…/v1", "key": "…", "protocol": "openai"}}."""

    history_tokens: int = Field(default=100_000, ge=1_000)
    "As much of a conversation a model is told, where `model_tokens` says nothing else."
    model_tokens: dict[str, int] = Field(default_factory=dict[str, int])
    """By the beginnings of models' names, as JSON: {"ollama:": 6000, "openai:gpt-4o": 110000}."""
    tool_networks: Annotated[list[Network], NoDecode] = Field(default_factory=list[Network])
    "Private networks where users may have tool servers, separated by commas: 10.1.0.0/16,127.0.0.1/32."
    tool_call_seconds: float = Field(default=30, gt=0, le=600)
    "How long a call of a user's tool server may take."
    tool_list_seconds: float = Field(default=600, gt=0, le=86_400)
    "How long what a tool server offers is kept before it is asked again."

    @property
    def interrupt_seconds(self) -> float:
        """`interrupt_days` in seconds."""
        return self.interrupt_days * 86_400

    @field_validator("database_url", "direct_url")
    @classmethod
    def _name_no_driver(cls, url: str | None) -> str | None:
        """`postgresql://…`, also written with SQLAlchemy's name of a driver."""
        if url is None:
            return None
        scheme, separator, rest = url.partition("://")
        if not separator or scheme.partition("+")[0] not in {"postgres", "postgresql"}:
            raise ValueError("must be an address like postgresql://user:password@host/database")
        return f"postgresql://{rest}"

    @field_validator("direct_url")
    @classmethod
    def _stand_behind_a_pooler(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is not None and not info.data.get("database_url"):
            raise ValueError("is for a pooler that DATABASE_URL names, and there is none")
        return url

    @field_validator("allowed_origins", "trusted_proxies", "tool_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Commas separate."""
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _be_networks(cls, proxies: list[str]) -> list[str]:
        for proxy in proxies:
            ip_network(proxy)
        return proxies

    @field_validator("jwt_secret")
    @classmethod
    def _be_long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret and len(secret.get_secret_value().encode()) < 32:
            raise ValueError("must have at least 32 bytes")
        return secret

    # Of each field, since a validator of the whole model is not asked where one field is wrong.
    @field_validator("jwks_issuer", "jwks_audience")
    @classmethod
    def _stand_beside_the_url(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("jwks_url") and not value:
            raise ValueError("must be set, since BATON_JWKS_URL is")
        return value

    def secrets(self) -> list[str]:
        """What must stand in no log: every secret of these settings, and the password of the database."""
        values = [getattr(self, name) for name in type(self).model_fields]
        values += [provider.key for provider in self.providers.values()]
        found = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        for url in (self.database_url, self.direct_url):
            if password := urlsplit(url or "").password:
                found += [password, unquote(password)]
        return found

    def tokens_of(self, model: str) -> int:
        """How much of a conversation this model is told."""
        fitting = [name for name in self.model_tokens if model.startswith(name)]
        return self.model_tokens[max(fitting, key=len)] if fitting else self.history_tokens

    @classmethod
    def load(cls) -> Self:
        """Read the environment. Raises SettingsError with every problem, unknown `BATON_…` names included."""
        problems = _unknown_names(cls)
        try:
            settings = cls()
        except ValidationError as error:
            problems += [_sentence(e["loc"], e["msg"]) for e in error.errors()]
        else:
            if not problems:
                return settings
        raise SettingsError("\n".join(problems))


def _unknown_names(settings: type[Settings]) -> list[str]:
    known = {f"BATON_{name.upper()}" for name in settings.model_fields} - {
        f"BATON_{name}" for name in _NAMED_BY_CUSTOM
    }
    names = {name for name in os.environ if name.startswith("BATON_")}
    return [f"{name}: no such setting" for name in sorted(names - known - _LAUNCHER)]


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else ""
    variable = name if name in {"", *_NAMED_BY_CUSTOM} else f"BATON_{name.upper()}"
    told = message.removeprefix("Value error, ")
    return f"{variable}: {told}" if variable else told
