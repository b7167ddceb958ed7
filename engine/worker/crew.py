"""Who carries runs here, by the settings."""

from __future__ import annotations

from db.connection import Database
from engine.models.fake import FakeModel
from engine.models.providers import providers_of
from engine.models.registry import Models
from engine.models.remote import Seller
from engine.tools.offer import offered_tools
from engine.tools.servers import Servers, WithServers
from engine.tools.subagents import WithSubagents
from engine.tools.tool import StaticTools
from engine.versions import Versions
from engine.worker.dialogue import Dialogues
from engine.worker.inbox import Inbox
from engine.worker.patience import Patience
from engine.worker.run import Crew
from settings import Settings


def models(settings: Settings) -> Models:
    """Every model that the operator has set up."""
    sellers = {name: Seller(provider) for name, provider in providers_of(settings).items()}
    families = {"fake": FakeModel, **{name: seller.model for name, seller in sellers.items()}}
    return Models(
        families=families,
        openers=[seller.open for seller in sellers.values()],
        closers=[seller.close for seller in sellers.values()],
    )


def crew(db: Database, settings: Settings) -> Crew:
    """Every model and tool that this worker has. Raises SettingsError."""
    tools = WithServers(db, Servers.of(settings), StaticTools(offered_tools(settings)))
    return Crew(
        models=models(settings),
        tools=WithSubagents(db, tools),
        versions=Versions(db),
        desk=Inbox(settings.interrupt_seconds),
        dialogues=Dialogues(db, settings),
        patience=Patience(),
        model_timeout_seconds=settings.model_timeout_seconds,
    )
