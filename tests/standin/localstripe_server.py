"""localstripe as a program on loopback: prints its port as a line once it listens.

Its own program listens on every address and keeps what it knows in a file of /tmp; here it does neither.
"""

import socket

from aiohttp import web
from localstripe.resources import store
from localstripe.server import app


def main() -> None:
    store.dump_to_disk = lambda: None
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)  # noqa: T201 - a program, and this is its answer
    web.run_app(app, sock=listening, print=None, access_log=None)


if __name__ == "__main__":
    main()
