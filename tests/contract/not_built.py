"""What of the contract is not built yet. Shrinks with each issue, to nothing.

A name stands for all that is below it: `Agent` also for `Agent.id` and `Agent: Node`.
"""

ENGINE = """
"""

CONVERSATIONS = """
Agent.tools ExecutionFilter.agentId
StartExecutionInput.agentId ToolEffect Tool ToolServer RegisterToolServerInput RegisterToolServerSuccess
RemoveToolServerSuccess RegisterToolServerResult RemoveToolServerResult Query.tools Query.toolServers
Mutation.registerToolServer Mutation.removeToolServer OnActive Disposition SendMessageInput SendMessageSuccess
SendMessageResult Mutation.sendMessage
ExecutionFilter.conversationId StartExecutionInput.conversationId
"""

NOT_BUILT = frozenset((ENGINE + CONVERSATIONS).split())
