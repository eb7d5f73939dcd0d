"""PostgreSQL that breaks: at a statement, at the commit, for a while. The ledger comes out right."""

import asyncio
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from ops.postgres import PASSWORD, Server, postgres
from tests.store.builders import all_entries, at_offsets, charge, rows, run, touch, visit
from trackrev_stream.store.database.engine import Store, is_transient
from trackrev_stream.store.database.errors import StoreError
from trackrev_stream.store.ledger.post import Posting, post
from trackrev_stream.store.ledger.writer import Writer

NEWS, TUBE = touch(), touch("YouTube", "video")
pytestmark = pytest.mark.postgres

FIRST = [
    *at_offsets(*(charge(f"ch_{n}") for n in range(4))),
    *at_offsets(visit(), visit("v2"), topic="visits"),
]
# Everything that a batch can hold: new charges and changed ones, lines that go, surpassed records, visits.
SECOND = [
    *at_offsets(
        charge("ch_1", versions=(1, 2), touches=(NEWS,)),
        charge("ch_9", touches=(NEWS, TUBE)),
        charge("ch_1", versions=(1, 1)),
        charge("ch_2", versions=(3, 2), refunds=(("re_1", 900),)),
        first=4,
    ),
    *at_offsets(visit(version=2, clicks=5), visit("v3"), first=2, topic="visits"),
]
THIRD = at_offsets(charge("ch_9", versions=(1, 2)), charge("ch_1", versions=(1, 3), touches=(TUBE,)), first=8)


def clock() -> int:
    return 5_000


def post_all(store: Store, before_second: Callable[[], None] = lambda: None) -> None:
    """Post the three batches by a writer, each in one transaction of its own; it must not fail."""

    async def story() -> None:
        failures: list[BaseException] = []
        writer = Writer(store, clock, failures.append)
        for batch in (FIRST, SECOND, THIRD):
            if batch is SECOND:
                before_second()
            for posting in batch:
                await writer.submit(posting)
            if batch is FIRST:
                writer.start()
            await writer.barrier()
        await writer.stop()
        assert failures == []

    run(story())


@pytest.fixture(scope="module")
def undisturbed(postgres_server: Server) -> tuple[dict[str, list[Any]], int]:
    """The rows that the batches make, and how many statements the second one takes."""
    store = Store.open(postgres_server.new_database())
    for batch in (FIRST, SECOND, THIRD):
        counted = Breaking(store, lambda _: None)
        counted.arm(None)
        store.write_now(lambda c, some=batch: post(c, some, clock()))  # type: ignore[misc]  # mypy on defaults
        if batch is SECOND:
            statements = counted.seen
    found = rows(store), statements
    store.close()
    return found


class Breaking:
    """Breaks the connection that writes right before its n-th statement; the last one is the commit."""

    def __init__(self, store: Store, do: Callable[[int], object]) -> None:
        self.seen = 0
        self.broken = False
        self._at: int | None = None
        self._armed = False
        self._do = do
        engine = store._database.writing
        event.listen(engine, "before_cursor_execute", lambda connection, *_: self._count(connection))
        event.listen(engine, "commit", self._count)

    def arm(self, at: int | None) -> None:
        self._armed, self._at, self.seen = True, at, 0

    def _count(self, connection: Connection) -> None:
        if not self._armed or self.broken:
            return
        self.seen += 1
        if self.seen == self._at:
            self.broken = True
            self._do(connection.connection.dbapi_connection.info.backend_pid)  # type: ignore[union-attr]  # psycopg's


def test_a_connection_that_breaks_at_any_statement_changes_nothing(
    postgres_server: Server, undisturbed: tuple[dict[str, list[Any]], int]
) -> None:
    expected, statements = undisturbed
    assert statements > 10
    for at in range(1, statements + 1):
        store = Store.open(postgres_server.new_database())
        breaking = Breaking(
            store, lambda pid: postgres_server.do(f"SELECT pg_terminate_backend({pid}, 10000)")
        )
        post_all(store, lambda at=at, breaking=breaking: breaking.arm(at))  # type: ignore[misc]  # mypy on defaults
        assert breaking.broken
        assert without_seq(rows(store)) == without_seq(expected), f"broken at statement {at}"
        store.close()


def without_seq(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    # A transaction that was rolled back has used up its numbers.
    return found | {"entries": [row[1:] for row in found["entries"]]}


class Proxy:
    """Between the program and the server; it can pass a commit on and lose the answer."""

    def __init__(self, port: int) -> None:
        self.lost = 0
        self._to = port
        self._losing = False
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_next_commit(self) -> None:
        self._losing = True

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listening.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            threading.Thread(target=self._pass, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, asking: bool) -> None:
        commits = threading.local()
        commits.seen = False
        try:
            while data := source.recv(65536):
                if asking and self._losing and b"COMMIT\0" in data:
                    # The server hears it, and ends the session in order; nobody hears the answer.
                    self._losing = False
                    self.lost += 1
                    source.shutdown(socket.SHUT_WR)
                    target.sendall(data)
                    return
                target.sendall(data)
        except OSError:
            pass


def test_a_commit_whose_answer_is_lost_is_no_conflict(
    postgres_server: Server, undisturbed: tuple[dict[str, list[Any]], int]
) -> None:
    proxy = Proxy(postgres_server.port)
    url = postgres_server.new_database()
    store = Store.open(url.replace(f":{postgres_server.port}/", f":{proxy.port}/"))
    post_all(store, proxy.lose_next_commit)
    assert proxy.lost == 1
    assert rows(store) == undisturbed[0]
    store.close()
    proxy.close()


@pytest.fixture
def failing(postgres_server: Server) -> Iterator[tuple[Store, Server, str]]:
    url = postgres_server.new_database()
    store = Store.open(url)
    yield store, postgres_server, url.rpartition("/")[2]
    store.close()


@pytest.mark.parametrize(
    "code", ["53100", "53200", "53300", "40001", "40P01", "55P03", "57014", "58030", "25006"]
)
def test_what_passes_is_waited_out(failing: tuple[Store, Server, str], code: str) -> None:
    store, server, name = failing
    server.do(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$",
        name,
    )
    server.do("CREATE TRIGGER fail BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION fail()", name)

    async def story() -> None:
        tries: list[int] = []
        third_try = asyncio.Event()

        def counting() -> int:  # the writer asks for the time once a try
            tries.append(1)
            if len(tries) == 3:
                third_try.set()
            return clock()

        writer = Writer(store, counting)
        writer.start()
        await writer.submit(at_offsets(charge())[0])
        barrier = asyncio.create_task(writer.barrier())
        await third_try.wait()
        assert not barrier.done()
        await asyncio.to_thread(server.do, "DROP TRIGGER fail ON entries", name)
        await barrier
        await writer.stop()

    run(story())
    assert len(store.read_now(all_entries)) == 1


def test_what_does_not_pass_ends_the_writer(failing: tuple[Store, Server, str]) -> None:
    store, server, name = failing
    server.do("ALTER TABLE entries DROP COLUMN cause", name)
    with pytest.raises(DBAPIError, match="cause") as wrong:
        store.write_now(lambda c: post(c, FIRST, 1))
    assert not is_transient(wrong.value)


def test_a_server_that_restarts_loses_nothing_and_is_found_again(postgres_programs: None) -> None:
    async def story(server: Server, store: Store) -> None:
        writer = Writer(store, clock)
        writer.start()
        await writer.submit(at_offsets(charge("ch_0"))[0])
        await writer.barrier()
        await asyncio.to_thread(server.stop, at_once=True)
        failed = await asyncio.gather(store.read(all_entries), return_exceptions=True)
        assert is_transient(failed[0])  # type: ignore[arg-type]  # it is an error
        await writer.submit(Posting("attributed-charges", 0, 1, charge("ch_1")))
        await asyncio.to_thread(server.start)
        await writer.barrier()
        assert len(await store.read(all_entries)) == 2
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        assert len(await store.read(all_entries)) == 2  # at the first try
        await writer.stop()

    with postgres() as server:  # with fsync
        store = Store.open(server.new_database())
        run(story(server, store))
        store.close()


def test_the_password_is_in_no_message(postgres_server: Server) -> None:
    url = postgres_server.new_database()
    escaped = url.split(":")[2].partition("@")[0]
    wrong = [
        url.replace(escaped, escaped + "x"),
        url.replace(escaped, PASSWORD),  # not escaped
        url.replace(f":{postgres_server.port}/", ":1/"),
        url.replace(f":{postgres_server.port}/", ":port/"),
        url + "?sslmode=wrong",
        url + "x",
        url.replace("postgresql", "oracle"),
    ]
    for each in wrong:
        with pytest.raises(StoreError) as refused:
            Store.open(each)
        said = "".join(traceback.format_exception(refused.value))
        assert not any(part in said.replace(each, "") for part in ("p@ss", "word:", escaped)), said


def test_what_was_asked_of_postgresql_holds(failing: tuple[Store, Server, str]) -> None:
    def ask(connection: Connection) -> dict[str, str]:
        names = ("synchronous_commit", "statement_timeout", "lock_timeout", "transaction_isolation")
        return {name: connection.execute(text(f"SHOW {name}")).scalar_one() for name in names}

    store, server, name = failing
    server.do(f"ALTER DATABASE {name} SET synchronous_commit = off")
    again = Store.open(store.url)
    expected = {"synchronous_commit": "on", "lock_timeout": "10s", "transaction_isolation": "repeatable read"}
    assert again.write_now(ask) == expected | {"statement_timeout": "1min"}
    assert again.read_now(ask) == expected | {"statement_timeout": "30s"}
    again.close()
