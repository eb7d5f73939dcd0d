"""`python -m ops.bench.harness.stripe_year --charges N`: a year of the stand-in to be read, on loopback."""

import argparse

from ops.bench.harness.serving import run, stay
from ops.standin.keys import KNOWN_PERMISSIONS, Keyring
from ops.standin.year import year

KEY = "rk_test_bench"


async def _serve(charges: int) -> None:
    made = year(charges=charges)
    made.stand_in.keyring = Keyring("sk_test_standin", {KEY: KNOWN_PERMISSIONS})
    await made.stand_in.start()
    own = made.stand_in.platform.account.tables["charges"].values()
    await stay(url=made.stand_in.url, charges=len(own))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.harness.stripe_year")
    parser.add_argument("--charges", type=int, required=True)
    given = parser.parse_args()
    run(_serve(given.charges))


if __name__ == "__main__":
    main()
