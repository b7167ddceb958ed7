"""Who carries runs here, by the settings."""

from __future__ import annotations

from db.connection import Database
from engine.desk import NobodyThere
from engine.models.registry import Models
from engine.patience import Patience
from engine.run import Crew
from engine.tools.builtin import BUILTIN
from engine.tools.tool import StaticTools
from engine.versions import Versions
from settings import Settings


def crew(db: Database, settings: Settings) -> Crew:
    """Every model and tool that this worker has."""
    return Crew(
        models=Models(),
        tools=StaticTools(BUILTIN),
        versions=Versions(db),
        desk=NobodyThere(),
        patience=Patience(),
        model_timeout_seconds=settings.model_timeout_seconds,
    )
