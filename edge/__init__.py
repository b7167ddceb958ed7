"""How requests reach the schema: GraphQL over HTTP, Server-Sent Events and WebSocket, hardened.

`edge.server.Edge` is the room's front; `edge.door` says what an application hands in.
"""
