"""One trace from a request to the model that its run asks, over two processes and a queue."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.api import AWAIT, START
from tests.client import Client
from tests.models.server import Reply, model_server
from tests.processes import open_house, until

pytestmark = pytest.mark.anyio

AGENT = """
mutation {
  createAgent(input: {name: "traced", model: "ours:small", toolNames: ["add_task"]}) {
    ... on CreateAgentSuccess { agent { id } }
  }
}"""
SECRET_WORDS = "about the surprise party"
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Span:
    """As a collector gets it."""

    name: str
    service: str
    trace: str
    id: str
    parent: str
    attributes: str


@dataclass
class Collector:
    """Speaks OTLP over HTTP, and keeps what it is told."""

    address: str = ""
    spans: list[Span] = field(default_factory=list[Span])

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                    self.spans.append(Span(span.name, names["service.name"], *ids, str(span.attributes)))

    def of(self, trace: str) -> list[Span]:
        return [span for span in list(self.spans) if span.trace == trace]


@contextmanager
def collector() -> Iterator[Collector]:
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_a_run_goes_on_in_the_trace_of_who_asked_for_it(dsn: str, tmp_path: Path) -> None:
    """The caller's span, the mutation, behind the queue the run, its model calls and its steps."""
    with collector() as told, model_server() as model:
        model.replies.append(Reply(calls=(("add_task", json.dumps({"title": "Milk"})),)))
        model.replies.append(Reply("Done."))
        settings = {
            "BATON_TRACING": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": told.address,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "BATON_PROVIDERS": json.dumps({"ours": {"url": f"{model.address}/v1", "key": "a key"}}),
        }
        with open_house(dsn, tmp_path, servers=1, workers=1, **settings) as house:
            token = await asyncio.to_thread(house.token)
            async with house.http() as http:
                ada = Client(http, token)
                agent = (await ada.one(AGENT))["agent"]["id"]
                new = {"input": f"Add milk, {SECRET_WORDS}", "agentId": agent}
                started = await ada.one(START, headers={"traceparent": CALLER}, input=new)
                ended = await ada.one(AWAIT, id=started["execution"]["id"])
            _, trace, caller, _ = CALLER.split("-")
            names = ["mutation startExecution", "run", "chat ours:small", "execute_tool add_task"]
            await asyncio.to_thread(until, lambda: set(names) <= {span.name for span in told.of(trace)})
            spans = {span.name: span for span in told.of(trace)}

    assert ended["execution"]["status"] == "COMPLETED"
    mutation, run, asked, called = (spans[name] for name in names)
    assert (mutation.service, mutation.parent) == ("baton-server", caller)
    assert (run.service, run.parent) == ("baton-worker", mutation.id)
    assert (asked.parent, called.parent) == (run.id, run.id)
    assert len([span for span in told.of(trace) if span.name == asked.name]) == 2
    assert "gen_ai.usage.input_tokens" in asked.attributes
    assert not any(SECRET_WORDS in span.attributes for span in told.spans)
    assert {span.trace for span in told.spans if span.service == "baton-worker"} == {trace}
