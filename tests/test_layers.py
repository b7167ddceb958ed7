"""Imports fall: each room knows only the rooms below it."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOORS: list[set[str]] = [
    {"cli"},
    {"launch", "offline", "reference", "workshop"},
    {"app"},
    {"mcp_server", "monitor"},
    {"edge", "schema"},
    {"resolvers"},
    {"engine"},
    {"events", "db"},
    {"auth"},
    {"settings", "client", "telemetry"},
    {"errors", "garbage", "ids", "projection", "redaction", "scopes"},
]
ROOMS = set.union(*FLOORS)
# The rooms of the engine fall too; what stands in `engine` itself is what they all speak of.
ENGINE = ["worker", "commands", "models", "tools", "runs", "tasks", "language"]
# On one floor nobody knows the neighbour, but `ids` says what a bad id is.
NEIGHBOURS = {("ids", "errors")}
# Heavy libraries that only some need: the one place that may import them inside a function.
LATE: dict[str, set[str]] = {
    "app.py": {"mcp_server"},
    "engine/models/remote.py": {"engine"},
    "engine/tools/servers.py": {"engine"},
    "telemetry/tracing.py": {"opentelemetry"},
}


def files(room: str) -> list[Path]:
    single = ROOT / f"{room}.py"
    return [single] if single.exists() else sorted((ROOT / room).rglob("*.py"))


def imports(tree: ast.AST) -> list[tuple[str, bool]]:
    """Every imported module, and whether it is imported inside a function."""
    found: list[tuple[str, bool]] = []

    def visit(node: ast.AST, inside: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, "relative imports hide the floor"
                found.extend((f"{child.module}.{alias.name}", inside) for alias in child.names)
            visit(child, inside or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef))

    visit(tree, False)
    return found


def all_imports() -> list[tuple[Path, str, str, bool]]:
    return [
        (path.relative_to(ROOT), room, name, inside)
        for room in sorted(ROOMS)
        for path in files(room)
        for name, inside in imports(ast.parse(path.read_text()))
    ]


def test_imports_fall() -> None:
    """A room imports only rooms of lower floors."""
    height = {room: len(FLOORS) - floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    upward = [
        f"{path} imports {name}"
        for path, room, name, _ in all_imports()
        if (target := name.partition(".")[0]) in ROOMS
        and target != room
        and height[target] >= height[room]
        and (room, target) not in NEIGHBOURS
    ]

    assert upward == []


def test_imports_fall_within_the_engine() -> None:
    """From who carries runs down to the words that all of it uses."""
    height = {room: len(ENGINE) - floor for floor, room in enumerate(ENGINE)}
    upward = [
        f"{path} imports {name}"
        for path, room, name, _ in all_imports()
        if room == "engine"
        and name.startswith("engine.")
        and height.get(name.split(".")[1], 0) > height.get(path.parts[1], 0)
    ]

    assert upward == []


def test_imports_stand_at_the_top_of_a_file() -> None:
    """No import hides in a function, but for a heavy optional library at its named place."""
    hidden = [
        f"{path} imports {name}"
        for path, _, name, inside in all_imports()
        if inside and name.partition(".")[0] not in LATE.get(str(path), set())
    ]

    assert hidden == []


def test_no_file_imports_itself_in_a_circle() -> None:
    """The files' imports have no cycle, inside a room as little as between rooms."""
    known = {
        str(path.relative_to(ROOT))[:-3].replace("/", "."): path for room in ROOMS for path in files(room)
    }
    edges = {module: targets(path, known) - {module} for module, path in known.items()}

    assert cycle(edges) == []


def targets(path: Path, known: dict[str, Path]) -> set[str]:
    names = [name for name, _ in imports(ast.parse(path.read_text()))]
    return {owner(name, known) for name in names} - {""}


def owner(name: str, known: dict[str, Path]) -> str:
    """The file that an imported name comes from."""
    while name and name not in known and f"{name}.__init__" not in known:
        name = name.rpartition(".")[0]
    return name if name in known else f"{name}.__init__" if name else ""


def cycle(edges: dict[str, set[str]]) -> list[str]:
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> list[str]:
        if module in trail:
            return [*trail[trail.index(module) :], module]
        if module in done:
            return []
        for target in sorted(edges.get(module, ())):
            if found := walk(target, [*trail, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(edges) if (found := walk(module, []))), [])


def test_alembic_stays_the_library() -> None:
    """With an `__init__.py` our folder of migrations would hide the library of the same name."""
    assert not (ROOT / "alembic" / "__init__.py").exists()
