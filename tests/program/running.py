"""The real program for tests: `trackrev up` as a process of its own, to be stopped, killed and started.

program = Program(tmp_path / "data")
program.start()
shop = Shop.open(program)
shop.follow("yt", visitor)
"""

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
LONGEST_COMMAND_S = 100.0
PERSON = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

T = TypeVar("T")
Json = dict[str, Any]


class Unanswered(Exception):
    """A request without an answer: whether it took effect is not known."""


class EndedError(AssertionError):
    """The program ended when it should have run; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the program answered."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def until(condition: Callable[[], T | None], what: str, patience_s: float = PATIENCE_S) -> T:
    """The first true value of ``condition``; fails when there is none within ``patience_s``."""
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain for: {what}"
        time.sleep(0.01)  # not a guess: the condition is asked again, for nobody tells when it comes true
    return found


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def now_ms() -> int:
    """The time of this machine, which the program reads too."""
    return time.time_ns() // 1_000_000


class Program:
    """One data directory and port, and the process that serves them at the moment."""

    def __init__(self, data: Path, *, public_host: str = "", **environment: str) -> None:
        self.data = data
        self.module = _MODULE  # what `start` runs; another one stands for another version
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRACKREV_")}
        ours = {
            "PYTHONPATH": str(ROOT),
            "PYTHONFAULTHANDLER": "1",  # a program that hangs tells where, when it is aborted
            "TRACKREV_ADMIN_PORT": "0",
            "TRACKREV_RATES_URL": "off",
            "TRACKREV_DATA": str(data),
        }
        if public_host:
            self.url = ours["TRACKREV_PUBLIC_URL"] = f"http://{public_host}:{self.port}"
        self._environment = inherited | ours | environment
        self._output = data.parent / f"{data.name}.output"
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Start the process, and do not wait for it."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, "up", "--port", str(self.port)],
                env=self._environment,
                cwd=self.data.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def start(self) -> float:
        """Start, and wait until it is ready; how many seconds that took. Raises EndedError."""
        began = time.monotonic()
        self.spawn()
        until(self.is_ready, "the program is ready")
        return time.monotonic() - began

    def is_ready(self) -> bool:
        """Whether it takes requests and has said so. Raises EndedError when it will never."""
        self._check_running()
        with contextlib.suppress(Unanswered):
            return self.request("GET", "/ready").status == 200 and bool(self.said())
        return False

    def _check_running(self) -> None:
        code = self._running.poll()
        if code is not None and code != -signal.SIGKILL:
            raise EndedError(f"trackrev up ended with {code}:\n{self.said()}")

    def kill(self) -> None:
        """SIGKILL, at once."""
        self._running.kill()
        self._running.wait()

    def stop(self) -> int:
        """SIGTERM; the code it ends with."""
        self._running.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """The code it ends with, by itself."""
        return self._running.wait(PATIENCE_S)

    def said(self) -> str:
        """What this process has printed so far."""
        return self._output.read_text()

    @property
    def greeting(self) -> dict[str, str]:
        """What it said when it was ready, by its words: `Live page`, `Workspace`, `Data`."""
        return dict(re.findall(r"^  (\w+(?: \w+)?)  +(\S+)$", self.said(), re.MULTILINE))

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Another `trackrev` command on the same data directory."""
        return subprocess.run(
            [sys.executable, "-m", _MODULE, *words],
            env=self._environment | environment,
            cwd=self.data.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_COMMAND_S,
            check=False,
        )

    def command(self, *words: str) -> Any:
        """What a command answers with --json."""
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def metrics(self) -> list[str]:
        """The lines of its metrics, as Prometheus reads them."""
        url = json.loads((self.data / "admin.json").read_text())["url"]
        with urlopen(f"{url}/metrics") as answer:
            told: str = answer.read().decode()
        return told.splitlines()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Ask the running program. Raises Unanswered, or EndedError where it has ended by itself."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, {"User-Agent": PERSON} | (headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        except TimeoutError as error:
            self._running.send_signal(signal.SIGABRT)
            self.ended()
            raise EndedError(
                f"{method} {path}: no answer in {PATIENCE_S} s; it hung at:\n{self.said()}"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            self._check_running()
            raise Unanswered(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "start it first"
        return self._process


_MODULE = "trackrev_stream.cli"


@contextmanager
def running(data: Path, *, public_host: str = "", **environment: str) -> Iterator[Program]:
    """A program that is ready; it is gone at the end, whatever happened."""
    program = Program(data, public_host=public_host, **environment)
    try:
        program.start()
        yield program
    finally:
        program.kill()


@dataclass(frozen=True, slots=True)
class Shop:
    """A workspace of a running program, its visitors, and Stripe's webhooks to it."""

    program: Program
    workspace: str
    api_key: str = field(repr=False)
    script_tag: str
    secret: str = "whsec_of_the_shop"

    @classmethod
    def open(cls, program: Program, workspace: str = "ws_shop", domain: str = "shop.example") -> "Shop":
        """Make the workspace with the commands, as people do, while the program runs."""
        made = program.command("workspace", "create", workspace, "--domain", domain)
        return cls(program, workspace, made["api_key"], made["script_tag"])._connected()

    @classmethod
    def greeted(cls, program: Program) -> "Shop":
        """The workspace that the first start made, as the greeting tells it, with a key of its own."""
        workspace = program.greeting["Workspace"]
        found = re.search(r"<script.*</script>", program.said(), re.DOTALL)
        assert found is not None, program.said()
        key = program.command("key", "create", workspace)["api_key"]
        return cls(program, workspace, key, found.group())._connected()

    def _connected(self) -> "Shop":
        self.program.command(
            "stripe", "connect", self.workspace, "--key", "", "--webhook-secret", self.secret
        )
        return self

    def url(self, path: str) -> str:
        """Where the program answers for `path`, for browsers."""
        return self.program.url + path

    def link(self, slug: str, channel: str, to: str = "https://shop.example/", partner: str = "") -> str:
        """Make a tracked link; its URL."""
        words = ("--to", to, "--channel", channel, "--partner", partner)
        url: str = self.program.command("link", "create", self.workspace, slug, *words)["url"]
        return url

    def follow(self, slug: str, visitor: str) -> Answer:
        """Follow a tracked link as this visitor."""
        return self.program.request("GET", f"/l/{slug}", headers={"Cookie": f"tr_vid={visitor}"})

    def hits(self, visitor: str, *hits: Json) -> Answer:
        """Send hits as this visitor's browser."""
        body = {"workspace": self.workspace, "sent_at": now_ms(), "hits": list(hits)}
        headers = {"Content-Type": "text/plain", "Cookie": f"tr_vid={visitor}"}
        return self.program.request("POST", "/e", json.dumps(body).encode(), headers)

    def webhook(self, event: Json, *, secret: str = "", late_s: int = 0) -> Answer:
        """Send an event as Stripe does: signed, each time anew."""
        raw, at = json.dumps(event).encode(), now_ms() // 1000 - late_s
        signed = hmac.new((secret or self.secret).encode(), b"%d." % at + raw, hashlib.sha256).hexdigest()
        headers = {"Stripe-Signature": f"t={at},v1={signed}", "Content-Type": "application/json"}
        return self.program.request("POST", f"/webhooks/stripe/{self.workspace}", raw, headers)

    def read(self, path: str) -> Answer:
        """Ask the read API."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        place = f"/api/workspaces/{self.workspace}/{path}".rstrip("/")
        return self.program.request("GET", place, headers=headers)

    def charge(self, charge: str) -> Json | None:
        """A charge as the API tells it, or None."""
        answer = self.read(f"charges/{charge}")
        assert answer.status in (200, 404), answer
        return None if answer.status == 404 else answer.json

    def worth(self, charge: str, net_minor: int) -> Json:
        """The charge as the API tells it, once it stands at this net."""

        def told() -> Json | None:
            found = self.charge(charge)
            return found if found and found["net_minor"] == net_minor else None

        return until(told, f"{charge} is worth {net_minor}")

    def channels(self) -> dict[str, Json]:
        """The channels of the last 30 days by name."""
        return {row["channel"]: row for row in self.read("channels?days=30").json["channels"]}

    def ledger(self) -> list[Json]:
        """All entries, page by page."""
        entries: list[Json] = []
        while page := self.read(f"ledger?limit=1000&after={entries[-1]['seq'] if entries else 0}").json[
            "entries"
        ]:
            entries += page
        return entries
