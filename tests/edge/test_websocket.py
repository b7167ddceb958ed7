"""graphql-transport-ws to the letter: who may talk, what may be said, and how each kind of leaving ends."""

from __future__ import annotations

import json
import socket

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.edge.talk import Talk, connect
from tests.edge.world import USER, Server

COUNT = "subscription($to: Int!, $after: String) { count(to: $to, after: $after) { number } }"


def frame(number: int, id: str = "1") -> dict[str, object]:
    payload = {"data": {"count": {"number": number}}, "extensions": {"cursor": str(number)}}
    return {"id": id, "type": "next", "payload": payload}


class TestHandshake:
    def test_the_protocol_is_agreed_on(self, server: Server) -> None:
        with connect(server, ("other", "graphql-transport-ws")) as talk:
            assert talk.connection.subprotocol == "graphql-transport-ws"

    @pytest.mark.parametrize("protocols", [(), ("graphql-ws",)])
    def test_another_protocol_is_4406(self, server: Server, protocols: tuple[str, ...]) -> None:
        with connect(server, protocols) as talk:
            assert talk.closed() == (4406, "Subprotocol not acceptable")

    @pytest.mark.parametrize(
        "origin", ["https://evil.example", "null", "http://[", "https://app.example.evil"]
    )
    def test_a_foreign_page_gets_403(self, server: Server, origin: str) -> None:
        with pytest.raises(InvalidStatus) as refused, connect(server, origin=origin):
            pass
        assert refused.value.response.status_code == 403

    def test_our_own_page_and_listed_ones_may_connect(self, server: Server) -> None:
        for origin in (server.origin, "https://app.example"):
            with connect(server, origin=origin) as talk:
                talk.init()

    def test_the_request_id_is_echoed(self, server: Server) -> None:
        with connect(server, headers={"x-request-id": "sock-1"}) as talk:
            assert talk.connection.response is not None
            assert talk.connection.response.headers["x-request-id"] == "sock-1"
            talk.init()
            talk.subscribe("{ requestId }")
            assert talk.hear()["payload"] == {"data": {"requestId": "sock-1.1"}}


class TestInitialisation:
    @pytest.mark.parametrize("key", ["authorization", "Authorization", "AUTHORIZATION"])
    def test_the_token_is_taken_from_the_payload(self, server: Server, key: str) -> None:
        with connect(server) as talk:
            talk.say({"type": "connection_init", "payload": {key: "Bearer good"}})
            assert talk.hear() == {"type": "connection_ack"}
            talk.subscribe("{ user }")
            assert talk.hear()["payload"] == {"data": {"user": str(USER)}}

    @pytest.mark.parametrize("payload", [None, {}, {"other": 1}])
    def test_or_from_the_handshake(self, server: Server, payload: object) -> None:
        with connect(server, headers={"authorization": "Bearer good"}) as talk:
            talk.say({"type": "connection_init", "payload": payload})
            assert talk.hear() == {"type": "connection_ack"}

    @pytest.mark.parametrize(
        "payload",
        [None, {}, {"authorization": "Bearer bad"}, {"authorization": "good"}, {"authorization": 5}],
    )
    def test_without_a_valid_token_it_is_4403(self, server: Server, payload: object) -> None:
        with connect(server) as talk:
            talk.say({"type": "connection_init", "payload": payload})
            assert talk.closed() == (4403, "Forbidden")

    def test_when_tokens_cannot_be_checked_the_client_shall_come_back(self, server: Server) -> None:
        with connect(server) as talk:
            talk.say({"type": "connection_init", "payload": {"authorization": "Bearer outage"}})
            assert talk.closed()[0] == 1013

    def test_a_bug_of_ours_is_not_an_abnormal_end(self, server: Server) -> None:
        with connect(server) as talk:
            talk.say({"type": "connection_init", "payload": {"authorization": "Bearer bug"}})
            assert talk.closed() == (4500, "Internal server error")

    def test_who_says_nothing_is_4408(self, server: Server) -> None:
        with connect(server) as talk:
            assert talk.closed() == (4408, "Connection initialisation timeout")

    def test_pings_are_no_initialisation(self, server: Server) -> None:
        with connect(server) as talk:
            talk.say({"type": "ping"})
            assert talk.closed()[0] == 4408

    def test_twice_is_4429(self, talk: Talk) -> None:
        talk.say({"type": "connection_init"})
        assert talk.closed() == (4429, "Too many initialisation requests")

    def test_subscribing_before_it_is_4401(self, server: Server) -> None:
        with connect(server) as talk:
            talk.subscribe("{ hello }")
            assert talk.closed() == (4401, "Unauthorized")

    def test_the_end_of_the_token_is_the_end_of_the_socket(self, server: Server) -> None:
        with connect(server) as talk:
            talk.init("brief")
            talk.subscribe("subscription { silence { number } }")
            assert talk.closed() == (4403, "Token expired")
        server.notes.expect("closed")

    def test_nothing_is_begun_with_a_token_that_has_run_out(self, server: Server) -> None:
        """Streams have a second to say goodbye; the slow query outlasts the token, not that second."""
        with connect(server) as talk:
            talk.init("brief")
            talk.subscribe("{ slow }")
            assert [talk.hear()["type"], talk.hear()["type"]] == ["next", "complete"]
            talk.subscribe("{ hello }")
            with pytest.raises(ConnectionClosed) as caught:
                talk.hear()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 4403


class TestMessages:
    def test_ping_is_answered_with_its_payload(self, talk: Talk) -> None:
        talk.say({"type": "ping"})
        assert talk.hear() == {"type": "pong"}
        talk.say({"type": "ping", "payload": {"at": 1}})
        assert talk.hear() == {"type": "pong", "payload": {"at": 1}}
        talk.say({"type": "pong"})
        talk.say({"type": "ping"})
        assert talk.hear() == {"type": "pong"}

    @pytest.mark.parametrize(
        "message",
        [
            "",
            "nonsense",
            "null",
            "[]",
            '"x"',
            "1",
            "{}",
            '{"type": 1}',
            '{"type": "unknown"}',
            '{"type": "start", "id": "1"}',
            '{"type": "ping", "payload": []}',
            '{"type": "ping", "payload": {"a": ' + "[" * 300 + "]" * 300 + "}}",
            '{"type": "pong", "payload": "x"}',
            '{"type": "complete"}',
            '{"type": "complete", "id": 1}',
            '{"type": "subscribe"}',
            '{"type": "subscribe", "id": "1"}',
            '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
            '{"type": "subscribe", "id": ["1"], "payload": {"query": "{ hello }"}}',
            '{"type": "subscribe", "id": "1", "payload": null}',
            '{"type": "subscribe", "id": "1", "payload": "{ hello }"}',
            '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "variables": []}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "operationName": 1}}',
            '{"type": "subscribe", "id": "1", "payload": {"query": "{ hello }", "extensions": []}}',
            "[" * 5_000,
        ],
    )
    def test_what_the_protocol_does_not_know_is_4400(self, talk: Talk, message: str) -> None:
        talk.say(message)
        assert talk.closed()[0] == 4400

    def test_binary_frames_are_4400(self, talk: Talk) -> None:
        talk.connection.send(b'{"type": "ping"}')
        assert talk.closed() == (4400, "Messages must be text")

    @pytest.mark.parametrize("text", ["x" * 10_001, "ü" * 5_001])
    def test_a_message_above_the_limit_is_1009(self, talk: Talk, text: str) -> None:
        talk.say(text)
        assert talk.closed()[0] == 1009

    def test_an_id_in_use_is_4409(self, talk: Talk) -> None:
        name = "é" * 200
        talk.subscribe("subscription { silence { number } }", name)
        talk.subscribe("{ hello }", name)
        code, reason = talk.closed()
        assert (code, reason[:16]) == (4409, "Subscriber for é")


class TestOperations:
    def test_a_query_is_answered_and_completed(self, talk: Talk) -> None:
        talk.subscribe("query($n: String!) { hello(name: $n) }", variables={"n": "Ada"}, operationName=None)
        assert talk.hear() == {"id": "1", "type": "next", "payload": {"data": {"hello": "Hello, Ada!"}}}
        assert talk.hear() == {"id": "1", "type": "complete"}

    def test_a_subscription_sends_its_frames_with_cursors_and_completes(self, talk: Talk) -> None:
        talk.subscribe(COUNT, variables={"to": 2})
        assert [talk.hear() for _ in range(3)] == [frame(0), frame(1), {"id": "1", "type": "complete"}]

    def test_an_id_can_be_used_again_after_its_end(self, talk: Talk) -> None:
        for _ in range(20):
            talk.subscribe(COUNT, variables={"to": 1})
            assert [talk.hear(), talk.hear()] == [frame(0), {"id": "1", "type": "complete"}]

    @pytest.mark.parametrize(
        ("payload", "code"),
        [
            ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
            ({"query": "{ nonsense }"}, "GRAPHQL_VALIDATION_FAILED"),
            ({"query": COUNT, "variables": {"to": "x"}}, "BAD_USER_INPUT"),
            ({"query": "{ hello }", "operationName": "Other"}, "BAD_USER_INPUT"),
            ({"query": "{ hello }", "variables": {"a": "\0"}}, "BAD_REQUEST"),
            ({"query": 'subscription { breaks(how: "at once") { number } }'}, "INTERNAL"),
        ],
    )
    def test_a_wrong_one_ends_with_an_error_and_the_socket_lives(
        self, talk: Talk, payload: dict[str, object], code: str
    ) -> None:
        talk.say({"id": "1", "type": "subscribe", "payload": payload})
        answer = talk.hear()
        assert (answer["type"], answer["id"]) == ("error", "1")
        assert answer["payload"][0]["extensions"]["code"] == code
        talk.subscribe("{ hello }")
        assert talk.hear()["payload"] == {"data": {"hello": "Hello, you!"}}

    def test_a_source_that_breaks_ends_its_operation_with_an_error(self, talk: Talk) -> None:
        talk.subscribe('subscription { breaks(how: "known") { number } }')
        assert talk.hear()["type"] == "next"
        assert talk.hear()["payload"][0]["extensions"] == {"code": "FUTURE_CURSOR"}
        talk.subscribe('subscription { breaks(how: "unknown") { number } }')
        assert talk.hear()["type"] == "next"
        error = talk.hear()["payload"][0]
        assert (error["message"], error["path"]) == ("Something went wrong on our side.", ["breaks"])

    def test_an_error_inside_a_frame_does_not_end_the_stream(self, talk: Talk) -> None:
        talk.subscribe("subscription { count(to: 2) { fails } }")
        for _ in range(2):
            payload = talk.hear()["payload"]
            assert payload["data"] is None
            assert payload["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert talk.hear()["type"] == "complete"

    def test_a_socket_carries_a_hundred_at_a_time(self, talk: Talk) -> None:
        for number in range(100):
            talk.subscribe("subscription { silence { number } }", str(number))
        talk.subscribe("{ hello }", "one too many")
        answers = [talk.hear() for _ in range(101)]
        (refused,) = [answer for answer in answers if answer["type"] == "error"]
        assert refused["id"] == "one too many"
        assert "100 operations" in refused["payload"][0]["message"]

    def test_completing_what_is_unknown_is_ignored(self, talk: Talk) -> None:
        talk.say({"id": "never was", "type": "complete"})
        talk.subscribe("{ hello }")
        assert talk.hear()["type"] == "next"

    def test_each_operation_has_a_context_of_its_own(self, talk: Talk) -> None:
        answers = []
        for name in "ab":
            talk.subscribe("{ requestId }", name)
            answers.append(talk.hear()["payload"]["data"]["requestId"])
            talk.hear()
        assert answers[0] != answers[1]


class TestLeaving:
    def test_complete_stops_the_source_and_nothing_more_is_sent(self, server: Server, talk: Talk) -> None:
        talk.subscribe("subscription { flood { number } }", "flood")
        assert talk.hear()["type"] == "next"
        talk.say({"id": "flood", "type": "complete"})
        server.notes.expect("closed")
        talk.subscribe("{ hello }", "after")
        while (message := talk.hear())["id"] == "flood":
            assert message["type"] == "next"  # was under way before the server had read our word
        assert message["payload"] == {"data": {"hello": "Hello, you!"}}

    @pytest.mark.parametrize("field", ["flood", "silence"])
    @pytest.mark.parametrize("how", ["close", "abort", "violate"])
    def test_the_source_is_closed_with_the_socket(self, server: Server, how: str, field: str) -> None:
        with connect(server) as talk:
            talk.init()
            talk.subscribe(f"subscription {{ {field} {{ number }} }}")
            assert talk.hear()["type"] == "next"
            match how:
                case "close":
                    talk.connection.close()
                case "abort":
                    talk.abort()
                case _:
                    talk.say("nonsense")
            server.notes.expect("closed")

    def test_a_clean_up_that_began_is_not_cut_short_by_the_end_of_the_socket(self, server: Server) -> None:
        with connect(server) as talk:
            talk.init()
            talk.subscribe("subscription { lingers { number } }")
            assert talk.hear()["type"] == "next"
            talk.say({"id": "1", "type": "complete"})
            server.notes.expect("cleaning")
            talk.say("nonsense")
            assert talk.closed()[0] == 4400
        server.notes.gate.set()
        server.notes.expect("closed")

    def test_a_reader_that_stops_stops_its_source_and_its_end_frees_it(self, server: Server) -> None:
        """The generator waits in `send` when the connection is cut."""
        with connect(server, max_queue=1) as talk:
            talk.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            talk.init()
            talk.subscribe("subscription { flood(size: 100000) { number text } }")
            server.notes.drain_until_silent()
            talk.abort()
            server.notes.expect("closed")

    def test_a_query_that_is_given_up_is_stopped(self, talk: Talk) -> None:
        talk.subscribe("{ slow }", "slow")
        talk.say({"id": "slow", "type": "complete"})
        talk.subscribe("{ hello }", "slow")
        assert talk.hear()["payload"] == {"data": {"hello": "Hello, you!"}}

    def test_a_mutation_that_began_is_carried_through_unheard(self, server: Server, talk: Talk) -> None:
        talk.subscribe("mutation { record }", "m")
        server.notes.expect("recording")
        talk.say({"id": "m", "type": "complete"})
        talk.subscribe("{ hello }", "m")
        assert talk.hear()["payload"] == {"data": {"hello": "Hello, you!"}}
        server.notes.gate.set()
        server.notes.expect("recorded")
        assert talk.hear() == {"id": "m", "type": "complete"}  # the query's; of the mutation nothing
        talk.say({"type": "ping"})
        assert talk.hear() == {"type": "pong"}

    def test_also_when_the_client_is_gone(self, server: Server) -> None:
        with connect(server) as talk:
            talk.init()
            talk.subscribe("mutation { record }")
            server.notes.expect("recording")
            talk.abort()
        server.notes.gate.set()
        server.notes.expect("recorded")

    def test_many_sockets_do_not_disturb_each_other(self, server: Server) -> None:
        with connect(server) as one, connect(server) as other:
            one.init()
            other.init()
            one.subscribe("subscription { silence { number } }")
            other.say(json.dumps({"type": "unknown"}))
            assert other.closed()[0] == 4400
            assert one.hear()["type"] == "next"
            one.say({"type": "ping"})
            assert one.hear() == {"type": "pong"}
