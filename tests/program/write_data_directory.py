"""Writes `data/written-by-aa6bdd8.tar.xz` and `data/answers.json` anew.

`python -m tests.program.write_data_directory`, with the program of the commit that the archive is named
after and with no other: what later programs are held against is what that one wrote.
"""

import asyncio
import base64
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.request import Request, urlopen

from tests.program.older_data import (
    ANSWERS,
    ARCHIVE,
    COLLECTOR,
    DATA,
    LAST_SEEN,
    answers,
    at_time,
    new_keys,
    open_spool,
    shops,
    spooled,
    started,
    stored,
    unpack,
)
from tests.program.recorded import save
from tests.program.running import ROOT, Json, Program, Shop
from tests.program.shop_days import afterwards, first_day, second_day, third_day
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_PAYMENTS

FIRST, SECOND, THIRD = "2026-09-07T12:00:00Z", "2026-09-25T12:00:00Z", "2026-10-12T12:00:00Z"


def main() -> None:
    """Three days of two shops, packed; then what a program says of it, and what comes of going on."""
    with tempfile.TemporaryDirectory(prefix="trackrev-written-") as name:
        place, copy = Path(name), Path(name) / "copy"
        (place / COLLECTOR).mkdir()
        keys, landing = write(place / DATA)
        asyncio.run(write_spool(place / COLLECTOR))
        pack(place)
        unpack(copy)
        seen = look(copy / DATA, keys)
        came = go_on(copy / DATA, keys, landing, seen["stored"])
        spool = spooled(copy / COLLECTOR)
        save(ANSWERS, {"api_keys": keys, "landing": landing, "spool": spool, "afterwards": came} | seen)


def look(data: Path, api_keys: dict[str, str]) -> Json:
    """What the program says of a data directory, and what it leaves there."""
    with at_time(LAST_SEEN) as clock, started(program := Program(data, **clock)):
        told = {shop.workspace: answers(shop) for shop in shops(program, api_keys)}
    return {"answers": told, "stored": stored(data)}


def go_on(data: Path, api_keys: dict[str, str], landing: str, before: Json) -> Json:
    """What comes of new events, and under which keys the program writes of them."""
    with at_time(LAST_SEEN) as clock, started(program := Program(data, **clock)):
        charges = afterwards(shops(program, api_keys)[-1], landing)
    ends = {name: topic["ends before"] for name, topic in before["topics of the log"].items()}
    return {"charges": charges, "keys": asyncio.run(new_keys(data / "log", ends))}


def write(data: Path) -> tuple[dict[str, str], str]:
    """The data directory; the API keys of its workspaces, and the address that Fred's click landed on."""
    with stand_in() as api:
        with at_time(FIRST) as clock, started(program := Program(data, **clock)):
            shop = opened(program, "shop", "--key", "rk_live_standin", "--api-base", api)
            blog = opened(program, "blog", "--key", "")
            settings(shop, blog)
            first_day(shop)
        with at_time(SECOND) as clock, started(program := Program(data, **clock)):
            second_day(replace(shop, program=program), replace(blog, program=program))
            program.command("stripe", "sync", shop.workspace)
        with at_time(THIRD) as clock, started(program := Program(data, **clock)):
            landing = third_day(replace(shop, program=program))
            program.command("stripe", "sync", shop.workspace)
    return {each.workspace: each.api_key for each in (shop, blog)}, landing


def opened(program: Program, name: str, *connected: str) -> Shop:
    """A workspace, connected to Stripe."""
    workspace, secret = f"ws_{name}", f"whsec_ws_{name}"
    made = program.command("workspace", "create", workspace, "--domain", f"{name}.example")
    program.command("stripe", "connect", workspace, "--webhook-secret", secret, *connected)
    return Shop(program, workspace, made["api_key"], made["script_tag"], secret)


def settings(shop: Shop, blog: Shop) -> None:
    """Links, rules of channels, and a record that nobody can read."""
    shop.link("yt", "YouTube", partner="Anna Films")
    shop.link("news", "Newsletter")
    blog.link("pod", "Podcast", to="https://blog.example/?a=1")
    file = shop.program.data.parent / "rules.json"
    file.write_text(json.dumps([{"channel": "Partners", "host": "*.partner.example"}]))
    shop.program.command("workspace", "channels", shop.workspace, "--file", str(file))
    door = json.loads((shop.program.data / "admin.json").read_text())
    broken = {"key": "ws_shop|x", "value": '{"v":1,"data":{"join":7}}'}
    coded = {name: base64.b64encode(text.encode()).decode() for name, text in broken.items()}
    body = json.dumps({"topic": "journeys", "partition": 0} | coded).encode()
    with urlopen(Request(f"{door['url']}/admin/publish", body, {"Authorization": f"Bearer {door['token']}"})):
        pass


@contextmanager
def stand_in() -> Iterator[str]:
    """A Stripe that has nothing to tell; its address."""
    command = (sys.executable, "-m", "ops.standin", "--secret-key", "sk_live_standin")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["url"]
        finally:
            process.terminate()


async def write_spool(data: Path) -> None:
    """What a collector keeps while its broker is away; the broker has had the first two of it."""
    spool = await open_spool(data, THIRD)
    for number in range(12):
        topic = (PIXEL_HITS, STRIPE_PAYMENTS)[number % 3 == 0]
        await spool.put(topic.name, number % 4, b"key %d" % number, b"value %d\n" % number * 3)
    await spool.delivered({(PIXEL_HITS.name, 1): 1, (STRIPE_PAYMENTS.name, 0): 1})
    await spool.close()


def pack(place: Path) -> None:
    """The directories without what RocksDB notes for people."""

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = entry.name.rpartition("/")[2]
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return None if name == "LOG" or name.startswith("LOG.old") else entry

    ARCHIVE.parent.mkdir(exist_ok=True)
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as archive:
        for name in (DATA, COLLECTOR):
            archive.add(place / name, name, filter=kept)


if __name__ == "__main__":
    main()
