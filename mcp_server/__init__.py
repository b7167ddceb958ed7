"""The API for other houses' agents: tools over MCP (stateless streamable HTTP), each a GraphQL document.

A call goes the way of any operation: the same token, scopes, budget, transaction and masking. Nothing is kept
between two calls, so any server answers any of them. Spec: Model Context Protocol 2026-07-28.
"""
