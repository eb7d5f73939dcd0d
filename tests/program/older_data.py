"""Data that an older program has written: unpacked, run by a program of its time, and read in full."""

import asyncio
import hashlib
import sqlite3
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import rocksdict

from tests.program import running
from tests.program.running import PATIENCE_S, ROOT, Program, Shop, until
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.faust_patches.app import APP_ID
from trackrev_stream.eventlog.spool.spool import Spool, Spools

Json = Any

PLACE = Path(__file__).with_name("data")
ARCHIVE = PLACE / "written-by-aa6bdd8.tar.xz"
ANSWERS = PLACE / "answers.json"
DATA, COLLECTOR = "shop-data", "collector-data"  # what the archive holds
LAST_SEEN = "2026-10-12T12:10:00Z"  # the program is opened anew at this time, minutes after it was stopped
REPORTS = ("channels", "revenue", "ltv", "charges")
SPOOL_PARTITIONS = 4
NUMBER = "number of rows"

_SECRETS = ("email_secret", "click_secret", "identify_secret", "api_key", "webhook_secrets")
_OF_ANOTHER_VERSION = ("alembic_version", "meta", "sqlite_sequence")
_OF_THE_PROCESS = ("holder", "held_until")  # who polls at the moment


def ms(at: str) -> int:
    """A time as milliseconds since the epoch."""
    return int(datetime.fromisoformat(at).timestamp() * 1_000)


@contextmanager
def at_time(at: str) -> Iterator[dict[str, str]]:
    """The tests' clock stands there; yields what gives processes the same clock."""
    ahead = ms(at) - running.now_ms()
    now = running.now_ms
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "now_ms", lambda: now() + ahead)
        yield {
            "PYTHONPATH": f"{Path(__file__).with_name('other_clock')}:{ROOT}",
            "TEST_CLOCK_AHEAD_MS": str(ahead),
        }


@contextmanager
def started(program: Program) -> Iterator[None]:
    """The program runs; then it has read everything, and is stopped in order."""
    program.start()
    try:
        yield
        settled(program)
        assert program.stop() == 0
    finally:
        program.kill()


def settled(program: Program) -> None:
    """Wait until nothing lags behind: all that came has been worked on."""

    def is_settled() -> bool:
        told = program.metrics()
        lags = [line.rpartition(" ")[2] for line in told if line.startswith("trackrev_lag_records{")]
        return bool(lags) and set(lags) == {"0.0"}

    until(is_settled, "everything has been read", 2 * PATIENCE_S)


def unpack(into: Path) -> None:
    """The directories that were written."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(into, filter="data")


def shops(program: Program, api_keys: dict[str, str]) -> list[Shop]:
    """The workspaces of the data directory, by name."""
    return [Shop(program, name, key, "", f"whsec_{name}") for name, key in sorted(api_keys.items())]


def answers(shop: Shop) -> Json:
    """All that the read API tells of a workspace, at a fixed time."""
    paths = [*REPORTS, *(f"{name}?by=charge_day" for name in ("channels", "revenue")), "ltv?by=link"]
    asked = [f"{path}{'&' if '?' in path else '?'}{_period(path)}" for path in paths]
    asked += [f"ledger?limit=5&after={after}" for after in range(0, 60, 5)]
    told = {path: shop.read(path).json for path in asked}
    charges = told["charges?limit=200"]["charges"]
    return told | {f"charges/{each['charge']}": shop.charge(each["charge"]) for each in charges}


def _period(path: str) -> str:
    return {"channels": "days=366", "revenue": "days=60", "charges": "limit=200"}.get(
        path.partition("?")[0], ""
    )


def stored(data: Path) -> Json:
    """All that a data directory holds whose program does not run: rows, records, positions."""
    return {
        "rows of the database": _sql_rows(data / "trackrev.db"),
        "topics of the log": asyncio.run(_topics(data / "log")),
        "rows of the agents": {
            path.name: _table_rows(path) for path in sorted(data.glob("tables/v1/tables/*.db"))
        },
    }


def _sql_rows(database: Path) -> Json:
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
        names = [row["name"] for row in connection.execute(tables)]
        return {name: _rows_of(connection, name) for name in sorted(names) if name not in _OF_ANOTHER_VERSION}


def _rows_of(connection: sqlite3.Connection, table: str) -> Json:
    """The rows by their keys, and how many there are."""
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    key = [column["name"] for column in columns if column["pk"]]
    found = connection.execute(f"SELECT * FROM {table}").fetchall()
    rows = {" | ".join(str(row[name]) for name in key): _shown(row) for row in found}
    return {NUMBER: len(found)} | rows


def _shown(row: sqlite3.Row) -> dict[str, Json]:
    found = {name: row[name] for name in row.keys() if name not in _OF_THE_PROCESS}  # noqa: SIM118 - a Row is no mapping
    return found | {name: digest(found[name].encode()) for name in _SECRETS if name in found}


async def _topics(path: Path) -> Json:
    log = Log.open(path)
    try:
        return {
            f"{name}[{number}]": {
                "begins at": (start := log.start_offset(name, number)),
                "ends before": log.high_watermark(name, number),
                "committed": log.committed(APP_ID, name, number),
                "records": len(records := log.fetch(name, number, start, 10**6, 10**9)),
                "digest": digest(*map(repr, map(tuple, records))),
            }
            for name, spec in sorted(log.topics().items())
            for number in range(spec.partitions)
        }
    finally:
        await log.close()


def _table_rows(path: Path) -> Json:
    rows: Any = rocksdict.Rdict(
        str(path), rocksdict.Options(raw_mode=True), access_type=rocksdict.AccessType.read_only()
    )
    try:
        found = {repr(key)[2:-1]: digest(value) for key, value in rows.items()}
        return {NUMBER: len(found)} | found
    finally:
        rows.close()


def digest(*parts: bytes | str) -> str:
    """What tells these parts from others."""
    found = hashlib.sha256()
    for part in parts:
        found.update((part if isinstance(part, bytes) else part.encode()) + b"\n")
    return found.hexdigest()[:16]


async def new_keys(path: Path, ends: dict[str, int]) -> Json:
    """The keys of the records behind these ends, topic by topic and in their order."""
    log = Log.open(path)
    try:
        return {
            f"{name}[0]": [str(record.key) for record in log.fetch(name, 0, ends[f"{name}[0]"], 10**6, 10**9)]
            for name in sorted(log.topics())
            if f"{name}[0]" in ends
        }
    finally:
        await log.close()


async def open_spool(data: Path, at: str) -> Spool:
    """The spool of a collector, as its next process finds it."""
    return await Spools(data, SPOOL_PARTITIONS, 1 << 24, lambda: ms(at)).own()


def spooled(data: Path) -> Json:
    """What waits in a spool, by topic and partition."""

    async def read() -> Json:
        spool = await open_spool(data, LAST_SEEN)
        try:
            waiting = {f"{topic}[{n}]": _records(found) for (topic, n), found in spool.head(1_000).items()}
            return {"waiting": spool.waiting, "since": spool.since, "records": waiting}
        finally:
            await spool.close()

    return asyncio.run(read())


def _records(found: Iterable[Any]) -> Json:
    return [[each.offset, each.timestamp, str(each.key), str(each.value)] for each in found]
