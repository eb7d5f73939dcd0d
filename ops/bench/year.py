"""`python -m ops.bench.year --charges N`: a year of the stand-in to be read, on loopback."""

import argparse
import asyncio
import json

import uvloop

from ops.standin.keys import KNOWN_PERMISSIONS, Keyring
from ops.standin.year import year

KEY = "rk_test_bench"


async def _serve(charges: int) -> None:
    made = year(charges=charges)
    made.stand_in.keyring = Keyring("sk_test_standin", {KEY: KNOWN_PERMISSIONS})
    await made.stand_in.start()
    own = made.stand_in.platform.account.tables["charges"].values()
    print(json.dumps({"url": made.stand_in.url, "charges": len(list(own))}), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.year")
    parser.add_argument("--charges", type=int, required=True)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(given.charges))


if __name__ == "__main__":
    main()
