"""A real PostgreSQL for tests and benchmarks: a server of its own, on a free port of loopback.

    with postgres() as server:
        store = Store.open(server.new_database())
        server.stop(at_once=True)
        server.start()

It runs as another user where whoever starts it is root, for PostgreSQL refuses to.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

PATIENCE_S = 60
PASSWORD = "p@ss/word:%"  # whatever an operator may choose


@dataclass
class Server:
    """A server; ``start`` and ``stop`` may be called in turn."""

    programs: Path
    directory: Path
    settings: dict[str, str]
    port: int = 0
    free: list[str] = field(default_factory=list)

    def create(self) -> None:
        """Make the directory of the server, for a superuser with a password."""
        secret = self.directory / "password"
        secret.write_text(PASSWORD)
        self._give_away(secret)
        self._run(
            "initdb", "--pgdata", self._data, "--username=trackrev", "--auth=scram-sha-256",
            f"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        self.port = _free_port()

    def start(self) -> None:
        """Start, on the same port as before; returns when it answers."""
        options = " ".join(f"-c {name}={value}" for name, value in self.settings.items())
        listen = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.directory}"
        said = self.directory / "log"
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", said, "-o", f"{listen} {options}")

    def stop(self, *, at_once: bool = False) -> None:
        """Stop in order, or ``at_once``, as a power cut would."""
        self._run("pg_ctl", "stop", "-w", "-D", self._data, "-m", "immediate" if at_once else "fast")

    def url(self, database: str) -> str:
        """The URL of a database, as TRACKREV_STORE has it."""
        escaped = "".join(f"%{ord(c):02X}" if not c.isalnum() else c for c in PASSWORD)
        return f"postgresql://trackrev:{escaped}@127.0.0.1:{self.port}/{database}"

    def new_database(self, options: str = "") -> str:
        """The URL of a new, empty database."""
        if self.free and not options:
            return self.url(self.free.pop())
        name = f"t_{secrets.token_hex(6)}"
        self.do(f"CREATE DATABASE {name} {options}")
        return self.url(name)

    def give_back(self, url: str) -> None:
        """Empty a database that nobody uses any more, for the next who wants a new one: it is faster."""
        name = url.rpartition("/")[2]
        self.do("DROP SCHEMA public CASCADE; CREATE SCHEMA public", name)
        self.free.append(name)

    def do(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement, each in a transaction of its own; what it answers."""
        with self.connect(database) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        """A connection beside those of the program."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="trackrev", password=PASSWORD, dbname=database,
            autocommit=True,
        )  # fmt: skip

    @property
    def pid(self) -> int:
        """Its first process, the parent of the others."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def own_directory(self) -> None:
        """Let whoever runs the server have its directory."""
        self._give_away(self.directory)

    def _give_away(self, path: Path) -> None:
        if os.geteuid() == 0:
            owner = _other_user()
            os.chown(path, owner.pw_uid, owner.pw_gid)

    def _run(self, program: str, *arguments: str | Path) -> None:
        command = [str(self.programs / program), *map(str, arguments)]
        done = subprocess.run(  # noqa: PLW1510 - what it says is worth more than its status
            command,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            cwd=self.directory,
            **_as_other_user(),
        )
        said = self.directory / "log"
        more = said.read_text(errors="replace") if said.exists() else ""
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}{more}"


class Missing(Exception):
    """PostgreSQL is not on this machine; the message says what to do."""


def programs() -> Path:
    """Where PostgreSQL is. Raises Missing."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    in_path = shutil.which("initdb")
    if in_path:
        return Path(in_path).resolve().parent
    if not installed:
        raise Missing("no initdb in PATH or /usr/lib/postgresql: apt-get install postgresql")
    return installed[-1]


@contextmanager
def postgres(**settings: str) -> Iterator[Server]:
    """A running server with these ``settings``; it is stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as place:
        server = Server(programs(), Path(place), {"max_connections": "50", **settings})
        server.own_directory()
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop(at_once=True)


def _other_user() -> pwd.struct_passwd:
    names = {user.pw_name: user for user in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _as_other_user() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    owner = _other_user()
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
