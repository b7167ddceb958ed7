"""The operations that the command line asks of the API."""

_INTERRUPT = "id reason prompt toolName arguments responseSchema"
_STEP = "number kind status toolName input result text error durationMs"
_RUN = f"""
id input status endReason result error
progress {{ percent message }}
steps(first: 100) {{ nodes {{ {_STEP} }} }}
"""

START = """
mutation Start($input: StartExecutionInput!) {
  startExecution(input: $input) {
    ... on StartExecutionSuccess { execution { id } cursor replayed }
    ... on UserError { code message }
    ... on InvalidInput { issues { message } }
  }
}
"""

WATCH = f"""
subscription Watch($id: ID!, $after: String) {{
  executionStream(id: $id, after: $after) {{
    __typename
    ... on Resumable {{ cursor }}
    ... on StreamOpened {{ snapshot {{ ... on Execution {{ {_RUN} }} }} }}
    ... on EventBatch {{
      events {{
        __typename
        seq
        at
        ... on ExecutionStatusChanged {{ status endReason attempt }}
        ... on StepStarted {{ step {{ {_STEP} }} }}
        ... on StepFinished {{ step {{ {_STEP} }} }}
        ... on ProgressReported {{ progress {{ percent message }} }}
        ... on InterruptOpened {{ interrupt {{ {_INTERRUPT} }} }}
        ... on InterruptClosed {{ interrupt {{ id status decision }} }}
      }}
    }}
    ... on StreamClosed {{ reason }}
  }}
}}
"""

RUN = f"query Run($id: ID!) {{ execution(id: $id) {{ {_RUN} }} }}"

ASKED = f"query Asked($id: ID!) {{ execution(id: $id) {{ interrupts(status: OPEN) {{ {_INTERRUPT} }} }} }}"

ANSWER = """
mutation Answer($input: AnswerInterruptsInput!) {
  answerInterrupts(input: $input) {
    results {
      ... on AnswerAccepted { replayed }
      ... on UserError { code message }
      ... on InvalidInput { issues { message } }
    }
  }
}
"""

ASK = """
mutation Ask($input: AskTaskAgentInput!) {
  askTaskAgent(input: $input) {
    ... on TaskAgentAnswer { response outcome confirmToken }
    ... on UserError { code message }
    ... on InvalidInput { issues { message } }
  }
}
"""

UNDERSTAND = """
mutation Understand($input: AskTaskAgentInput!) {
  askTaskAgent(input: $input) {
    ... on TaskAgentAnswer { metadata { intent toolCalled toolArguments } }
    ... on UserError { code message }
    ... on InvalidInput { issues { message } }
  }
}
"""

TASKS = """
query Tasks($filter: TaskFilter, $first: Int) {
  tasks(filter: $filter, first: $first) {
    nodes { number title priority dueAt completed }
    totalCount
  }
}
"""

CREATE_CONVERSATION = """
mutation Begin($input: CreateConversationInput!) {
  createConversation(input: $input) {
    ... on CreateConversationSuccess { conversation { id } }
    ... on UserError { code message }
  }
}
"""

SEND_MESSAGE = """
mutation Say($input: SendMessageInput!) {
  sendMessage(input: $input) {
    ... on SendMessageSuccess { execution { id } cursor }
    ... on UserError { code message }
    ... on InvalidInput { issues { message } }
  }
}
"""

FOLLOW_CONVERSATION = """
subscription Follow($id: ID!, $after: String) {
  conversationStream(id: $id, after: $after) {
    __typename
    ... on Resumable { cursor }
    ... on EventBatch {
      events {
        __typename
        ... on MessageDelta { executionId offset text }
        ... on MessageCompleted { message { role content execution { id } } }
        ... on ExecutionStatusChanged { executionId status endReason }
      }
    }
    ... on StreamClosed { reason }
  }
}
"""
