"""API keys: shown once, kept as hashes, each with a name, a scope and when it was used last."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, or_, select, update

from trackrev_stream.contracts.choices import KeyScope
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import api_keys, bump_meta
from trackrev_stream.store.workspaces.require import require_workspace
from trackrev_stream.store.workspaces.settings_version import SETTINGS_VERSION

LONGEST_NAME = 64

_SHOWN_ID = 12
_NAME = re.compile(r"[^\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: whose it is, what it may do, and what is known of its use."""

    id: str
    workspace: str
    name: str
    scope: KeyScope
    created_at: int
    last_used_at: int | None = None
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made. Its text is shown this once: only its hash is kept."""

    key: ApiKey
    text: str

    def __repr__(self) -> str:
        return f"NewApiKey({self.key.id!r})"


def add_api_key(
    connection: Connection, workspace: str, now: int, *, name: str = "", scope: KeyScope = KeyScope.READ
) -> NewApiKey:
    """Make an API key for a workspace; its name is free to choose, and no other living key has it.

    Raises InvalidSetting.
    """
    require_workspace(connection, workspace)
    wanted = name.strip()
    if wanted and (len(wanted) > LONGEST_NAME or not _NAME.fullmatch(wanted)):
        raise InvalidSetting(
            f"{name[:200]!r} is no name for a key: at most {LONGEST_NAME} printable characters"
        )
    if wanted and any(
        key.name == wanted and key.revoked_at is None for key in list_keys(connection, workspace)
    ):
        raise InvalidSetting(
            f"There is a key {wanted!r} already. Choose another name, or revoke it first: "
            f"trackrev key revoke {workspace} {wanted!r}"
        )
    text = f"trk_{secrets.token_urlsafe(32)}"
    hashed = key_hash(text)
    made = ApiKey(f"key_{hashed[:_SHOWN_ID]}", workspace, wanted, scope, now)
    row = {"key_id": made.id, "name": wanted, "scope": scope.value, "created_at": now}
    connection.execute(insert(api_keys).values(key_hash=hashed, workspace=workspace, **row))
    bump_meta(connection, SETTINGS_VERSION)
    return NewApiKey(made, text)


def list_keys(connection: Connection, workspace: str) -> list[ApiKey]:
    """The keys of a workspace, the oldest first, with those that were revoked."""
    mine = select(api_keys).where(api_keys.c.workspace == workspace)
    return [_key(row) for row in connection.execute(mine.order_by(api_keys.c.created_at, api_keys.c.key_id))]


def revoke_key(connection: Connection, workspace: str, named: str, now: int) -> ApiKey:
    """Take a key out of use, named by its id or its name. Raises InvalidSetting."""
    require_workspace(connection, workspace)
    living = [key for key in list_keys(connection, workspace) if key.revoked_at is None]
    found = [key for key in living if named in (key.id, key.name)]
    if not found:
        raise InvalidSetting(
            f"Workspace {workspace} has no key {named!r} in use. {_named(living)} "
            f"`trackrev key list {workspace}` shows all."
        )
    connection.execute(update(api_keys).where(api_keys.c.key_id == found[0].id).values(revoked_at=now))
    bump_meta(connection, SETTINGS_VERSION)
    return found[0]


def find_api_key(connection: Connection, hashed: str) -> ApiKey | None:
    """The key in use with this hash, or None. The last comparison takes as long whatever it finds."""
    row = connection.execute(select(api_keys).where(api_keys.c.key_hash == hashed)).first()
    if row is None or not hmac.compare_digest(row.key_hash, hashed) or row.revoked_at is not None:
        return None
    return _key(row)


def note_key_uses(connection: Connection, used: Iterable[tuple[str, int]]) -> None:
    """Keep when keys, by their ids, were used last; never an earlier time than is known."""
    for key_id, at in used:
        earlier = or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < at)
        noted = update(api_keys).where(api_keys.c.key_id == key_id, earlier)
        connection.execute(noted.values(last_used_at=at))


def key_hash(api_key: str) -> str:
    """What is kept of an API key. It has 256 random bits: nothing slower than SHA-256 is called for."""
    return hashlib.sha256(api_key.encode()).hexdigest()


def _named(living: list[ApiKey]) -> str:
    if not living:
        return "None is in use."
    return f"In use: {', '.join(f'{key.id} ({key.name})' if key.name else key.id for key in living)}."


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        row.key_id,
        row.workspace,
        row.name,
        KeyScope(row.scope),
        row.created_at,
        row.last_used_at,
        row.revoked_at,
    )
