"""Keys of the read API, by their scope."""

from typing import Any

from tests.api.conftest import OpenSite
from tests.store.builders import WS, run
from trackrev_stream.contracts.choices import KeyScope
from trackrev_stream.store.workspaces.api_keys import add_api_key, revoke_key


def test_keys_of_every_scope_may_read_until_they_are_revoked(open_site: OpenSite) -> None:
    async def story() -> None:
        async with open_site() as site:
            for scope in KeyScope:
                new = site.store.write_now(lambda c, scope=scope: add_api_key(c, WS, 1, scope=scope))  # type: ignore[misc]  # mypy on defaults
                assert (await site.get(WS, key=new.text))["workspace"] == WS
                site.store.write_now(lambda c, new=new: revoke_key(c, WS, new.key.id, 2))  # type: ignore[misc]  # mypy on defaults
            gone = site.store.write_now(lambda c: add_api_key(c, WS, 1))
            site.store.write_now(lambda c: revoke_key(c, WS, gone.key.id, 2))
            found: Any = await site.get(WS, status=401, key=gone.text)
            assert "was revoked" in found["error"]["message"]

    run(story())
