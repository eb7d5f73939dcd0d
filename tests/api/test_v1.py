"""`/api/v1` answers as the paths before it do, byte for byte, and refuses parameters it does not know."""

import pytest

from tests.api.conftest import OpenSite, Site
from tests.store.builders import WS, charge, run, touch, visit

PATHS = (
    "",
    "/channels?days=30&by=charge",
    "/revenue?days=3",
    "/ltv?by=link",
    "/charges?limit=5",
    "/charges/ch_1",
    "/charges/ch_none",
    "/ledger?after=0&limit=1",
    "/channels?days=0",
    "/nothing",
)
UNKNOWN = {
    "": "there is no parameter 'dayz' here; it takes none",
    "/channels": "there is no parameter 'dayz' here; it knows days and by",
    "/charges/ch_1": "there is no parameter 'dayz' here; it takes none",
    "/ledger": "there is no parameter 'dayz' here; it knows after and limit",
}


async def asked(site: Site, base: str, path: str) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {site.key}"}
    async with site.client.get(f"{base}/workspaces/{WS}{path}", headers=headers) as answer:
        return answer.status, await answer.read()


def test_both_answer_alike(open_site: OpenSite) -> None:
    async def story() -> None:
        async with open_site() as site:
            site.put(charge(touches=(touch(),), refunds=(("re_1", 900),)), charge("ch_2"), visit("v1"))
            for path in PATHS:
                status, body = await asked(site, "/api", path)
                expected = (status, body.replace(b"/api/", b"/api/v1/"))
                assert await asked(site, "/api/v1", path) == expected, path

    run(story())


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_parameter_is_refused(open_site: OpenSite, path: str) -> None:
    async def story() -> None:
        async with open_site() as site:
            site.put(charge(touches=(touch(),)))
            assert (await asked(site, "/api", f"{path}?dayz=7"))[0] == 200
            status, body = await asked(site, "/api/v1", f"{path}?dayz=7")
            assert status == 400
            assert f'"code":"unknown_parameter","message":"{UNKNOWN[path]}"'.encode() in body

    run(story())
