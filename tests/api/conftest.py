"""The real application over a real database, with one workspace."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests.store.builders import NOON, WS, at_offsets
from trackrev_stream.api import page
from trackrev_stream.api.routes import ReadApi
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.journeys.journey import Visit
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer, open_sealer
from trackrev_stream.store.ledger.post import post
from trackrev_stream.store.workspaces.directory import StoreDirectory
from trackrev_stream.store.workspaces.workspaces import create_workspace

NOW = NOON + 2 * DAY_MS
Client = TestClient[web.Request, web.Application]


@dataclass(slots=True)
class Site:
    store: Store
    sealer: Sealer
    client: Client
    key: str
    offset: int = 0

    def put(self, *records: AttributedCharge | Visit) -> None:
        first = self.offset
        self.offset += len(records)
        self.store.write_now(lambda c: post(c, at_offsets(*records, first=first), NOW))

    async def get(self, path: str, status: int = 200, key: str | None = None) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        async with self.client.get(f"/api/workspaces/{path}", headers=headers) as answer:
            assert answer.status == status, await answer.text()
            assert answer.content_type == "application/json"
            found: dict[str, object] = await answer.json()
            return found


OpenSite = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture
def open_site(tmp_path: Path) -> OpenSite:
    @asynccontextmanager
    async def opened(time_zone: str = "UTC") -> AsyncIterator[Site]:
        store, sealer = Store.open(f"sqlite:///{tmp_path}/t.db"), open_sealer(tmp_path)
        made = store.write_now(
            lambda c: create_workspace(
                c, sealer, domain="shop.example", workspace=WS, now=1, time_zone=time_zone
            )
        )
        app = web.Application()
        app.add_routes(page.page_routes())
        app.add_routes(ReadApi(store, StoreDirectory(store, sealer, lambda: NOW), lambda: NOW).routes())
        async with TestClient(TestServer(app)) as client:
            yield Site(store, sealer, client, made.api_key)
        store.close()

    return opened
