"""What is said to models of providers, and what they say, in pydantic-ai's words.

The only file that knows the library. Importing it takes seconds and some 70 MB, so `engine.models.remote`
does that while a worker that has a provider starts, and nobody else does.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from anthropic import AsyncAnthropic
from genai_prices import calc_price
from httpx2 import Response, Timeout
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk
from pydantic import TypeAdapter, ValidationError
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelServerError,
    ModelUnavailableError,
)
from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    SystemPromptPart,
    TextPart,
    TextPartDelta,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import ToolDefinition

from engine.models.model import Answer, AnyDecision, CallTools, ModelFailed, Said, ToolCall, Turn
from engine.models.providers import Provider
from engine.models.transcript import Called, Line, Returned, transcript
from engine.steps import Usage
from engine.tools.tool import Tool, Transient

log = logging.getLogger(__name__)

_Response = TypeVar("_Response")

_CONNECT_SECONDS = 10.0
_UNFIT = re.compile(r"[^a-zA-Z0-9_-]")
_MESSAGE = TypeAdapter[ModelResponse](ModelResponse)
_EVERY_TIME = (ModelRateLimitError, ModelUnavailableError, ModelServerError, ModelConnectionError)
"Errors that pass by themselves."
_SENTENCES: Sequence[tuple[type[ModelAPIError], str]] = (
    (ModelQuotaExceededError, "The provider's quota is used up."),
    (ModelContextWindowExceededError, "The conversation is longer than the model can read."),
    (ModelNotFoundError, "The provider has no such model."),
    (ModelRateLimitError, "The provider takes no more requests at the moment."),
    (ModelUnavailableError, "The model is overloaded."),
    (ModelServerError, "The provider has a fault at the moment."),
    (ModelConnectionError, "The connection to the provider was lost."),
)


class Wire:
    """The models of one provider. One client is kept for all of them; it retries nothing."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._make, self._close = _MAKERS[provider.protocol](provider)
        self._models: dict[str, Model] = {}

    async def ask(self, name: str, turn: Turn) -> AnyDecision:
        """One request, streamed. Raises Transient and ModelFailed."""
        model = self._models.setdefault(name, self._models.get(name) or self._make(name))
        try:
            async with model_request_stream(
                model, _messages(turn), model_settings=_settings(turn), model_request_parameters=_tools(turn)
            ) as stream:
                await _pass_on(stream, turn.say)
                response = stream.get()
        except AgentRunError as error:
            raise _problem(error) from error
        names = {wire_name(tool.name): tool.name for tool in turn.tools}
        return _decision(response, names, self._usage(name, response))

    async def close(self) -> None:
        """Let go of the connections."""
        await self._close()

    def _usage(self, name: str, response: ModelResponse) -> Usage:
        used = response.usage
        return Usage(used.input_tokens, used.output_tokens, 1, self._price(name, response))

    def _price(self, name: str, response: ModelResponse) -> float | None:
        """US dollars by the provider's public list; None where that, or what was used, is not known."""
        if response.usage.unmeasured_requests:
            return None
        seller, url = self._provider.seller, self._provider.url
        try:
            if seller is not None:
                found = calc_price(response.usage, name, provider_id=seller)
            else:
                found = calc_price(response.usage, name, provider_api_url=url)
            return float(found.total_price)
        except (LookupError, ValueError):
            return None


class _QuickOpenAI(AsyncOpenAI):
    """Has pydantic make the pieces of a stream, which takes half of the library's time for one.

    The library sets attribute after attribute, since not all that speak the protocol keep to it: so do we,
    for the pieces of those.
    """

    def _process_response_data(
        self, *, data: object, cast_to: type[_Response], response: Response
    ) -> _Response:
        if cast_to is ChatCompletionChunk:
            with suppress(ValidationError):
                return cast_to.model_validate(data)
        return super()._process_response_data(data=data, cast_to=cast_to, response=response)


def _openai(provider: Provider) -> tuple[Callable[[str], Model], Callable[[], Awaitable[None]]]:
    client = _QuickOpenAI(
        base_url=provider.url, api_key=provider.key or "none", max_retries=0, timeout=_patience()
    )
    kept = OpenAIProvider(openai_client=client)
    return lambda name: OpenAIChatModel(name, provider=kept), client.close


def _ollama(provider: Provider) -> tuple[Callable[[str], Model], Callable[[], Awaitable[None]]]:
    client = _QuickOpenAI(
        base_url=provider.url, api_key=provider.key or "none", max_retries=0, timeout=_patience()
    )
    kept = OllamaProvider(openai_client=client)
    return lambda name: OllamaModel(name, provider=kept), client.close


def _anthropic(provider: Provider) -> tuple[Callable[[str], Model], Callable[[], Awaitable[None]]]:
    client = AsyncAnthropic(base_url=provider.url, api_key=provider.key, max_retries=0, timeout=_patience())
    kept = AnthropicProvider(anthropic_client=client)
    return lambda name: AnthropicModel(name, provider=kept), client.close


_MAKERS = {"openai": _openai, "ollama": _ollama, "anthropic": _anthropic}


def _patience() -> Timeout:
    """How long an answer may take is the loop's to say, which cancels the request."""
    return Timeout(None, connect=_CONNECT_SECONDS)


# What is said.


def _messages(turn: Turn) -> list[ModelMessage]:
    """The transcript; what follows one another from our side is one request, as providers want it."""
    told: list[ModelMessage] = []
    for line in transcript(turn):
        message = _message(line)
        if isinstance(message, ModelRequest) and told and isinstance(last := told[-1], ModelRequest):
            told[-1] = ModelRequest(parts=[*last.parts, *message.parts])
        else:
            told.append(message)
    return told


def _message(line: Line) -> ModelMessage:
    match line:
        case Said("SYSTEM", text):
            return ModelRequest(parts=[SystemPromptPart(text)])
        case Said("USER", text):
            return ModelRequest(parts=[UserPromptPart(text)])
        case Said(_, text):
            return ModelResponse(parts=[TextPart(text)])
        case Called(own_words) if own_words is not None:
            return _MESSAGE.validate_python(own_words)
        case Called(_, text, calls):
            parts = [ToolCallPart(wire_name(one.name), one.arguments, one.call_id or "") for one in calls]
            return ModelResponse(parts=[*([TextPart(text)] if text else []), *parts])
        case Returned(name, call_id, content):
            return ModelRequest(parts=[ToolReturnPart(wire_name(name), content, call_id)])


def _settings(turn: Turn) -> ModelSettings:
    if turn.agent.temperature is None:
        return ModelSettings()
    return ModelSettings(temperature=turn.agent.temperature)


def _tools(turn: Turn) -> ModelRequestParameters:
    return ModelRequestParameters(function_tools=[_tool(tool) for tool in turn.tools], allow_text_output=True)


def _tool(tool: Tool) -> ToolDefinition:
    return ToolDefinition(
        name=wire_name(tool.name),
        description=tool.description,
        parameters_json_schema=dict(tool.parameters),
    )


# What is heard.


async def _pass_on(stream: StreamedResponse, say: Callable[[str], None]) -> None:
    async for event in stream:
        match event:
            case PartStartEvent(part=TextPart(content=text)) if text:
                say(text)
            case PartDeltaEvent(delta=TextPartDelta(content_delta=text)) if text:
                say(text)
            case _:
                pass


def _decision(response: ModelResponse, names: Mapping[str, str], usage: Usage) -> AnyDecision:
    text = "".join(part.content for part in response.parts if isinstance(part, TextPart))
    calls = [_call(part, names) for part in response.parts if isinstance(part, ToolCallPart)]
    if calls:
        own_words = _MESSAGE.dump_python(response, mode="json")
        return CallTools(calls, text or None, usage=usage, model_message=own_words)
    if text.strip():
        return Answer(text, usage=usage)
    if response.finish_reason == "content_filter":
        raise ModelFailed("The model refused to answer.")
    raise Transient("The model answered nothing.")


def _call(part: ToolCallPart, names: Mapping[str, str]) -> ToolCall:
    name = names.get(part.tool_name, part.tool_name)
    try:
        return ToolCall(name, part.args_as_dict(raise_if_invalid=True), part.tool_call_id)
    except (ValueError, AssertionError):
        problem = f"The arguments are not a JSON object: {part.args!s:.200}"
        return ToolCall(name, {}, part.tool_call_id, problem=problem)


def _problem(error: AgentRunError) -> Transient | ModelFailed:
    """An error in our words: what a provider answers may quote keys."""
    status, code = getattr(error, "status_code", "none"), getattr(error, "provider_error_code", None)
    log.warning("a model failed: %s, HTTP status %s, code %s", type(error).__name__, status, code)
    sentence = next((text for kind, text in _SENTENCES if isinstance(error, kind)), None)
    if isinstance(error, _EVERY_TIME):
        return Transient(str(sentence), getattr(error, "retry_after", None))
    if isinstance(error, ModelHTTPError) and sentence is None:
        sentence = f"The provider refused the request (HTTP {error.status_code})."
    return ModelFailed(sentence or "The model failed.")


def wire_name(name: str) -> str:
    """A tool's name as providers take it: letters, digits, `_` and `-`, and not more than 64 of them."""
    return _UNFIT.sub("_", name.replace(".", "__"))[:64]
