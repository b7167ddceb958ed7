"""These tests say what an answer is, not how soon it comes: on a slow machine nothing runs out."""

from __future__ import annotations

import pytest

from settings import Settings
from tests.api import Api

PATIENT = 120.0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A transaction may be idle for as long as a lease, and all that is under way shares one process."""
    return settings.model_copy(update={"lease_seconds": PATIENT, "operation_timeout_seconds": PATIENT})


@pytest.fixture
async def api(api: Api) -> Api:
    """Where more is asked at once than there are connections, whoever waits for one gets it."""
    api.services.db._acquire_seconds = PATIENT
    return api
