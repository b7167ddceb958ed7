# One image for the server, the worker and migrations. The version of Python is the one that all tests run on.
# `--build-arg LOCK=models` adds what the models of providers need (OpenAI, Anthropic, Ollama and their like).
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS packages
ARG LOCK=server
COPY requirements/uv.txt requirements/${LOCK}.txt /requirements/
RUN python -m pip install --no-cache-dir --require-hashes --requirement /requirements/uv.txt \
    && python -m venv --without-pip /venv \
    && uv pip install --no-cache --compile-bytecode --python /venv/bin/python \
        --require-hashes --requirement /requirements/${LOCK}.txt

FROM python:${PYTHON}-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    BATON_HOST=0.0.0.0
WORKDIR /app
COPY --from=packages /venv /venv
COPY pyproject.toml app.py auth.py cli.py errors.py garbage.py ids.py launch.py monitor.py offline.py projection.py redaction.py reference.py scopes.py settings.py workshop.py ./
COPY alembic alembic
COPY client client
COPY db db
COPY edge edge
COPY engine engine
COPY events events
COPY mcp_server mcp_server
COPY resolvers resolvers
COPY schema schema
COPY telemetry telemetry
COPY web/graphiql/dist web/graphiql/dist
COPY web/console/dist web/console/dist
RUN python -m compileall -q .
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "from os import environ; from urllib.request import urlopen; urlopen(f'http://127.0.0.1:{environ.get(\"BATON_PORT\", 8000)}/health', timeout=2)"]
CMD ["python", "-m", "cli", "serve"]
