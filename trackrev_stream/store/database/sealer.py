"""Secrets at rest: sealed with a key that lives outside of the database."""

import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from trackrev_stream.store.database.errors import SecretKeyError

KEY_FILE = "secret.key"


class Sealer:
    """Seals and opens secrets with one key (Fernet: AES-128-CBC with HMAC-SHA-256)."""

    def __init__(self, key: bytes) -> None:
        """Raises SecretKeyError when ``key`` is not 32 bytes in URL-safe base64."""
        try:
            self._fernet = Fernet(key)
        except ValueError as error:
            raise SecretKeyError(
                "the secret key is not 32 bytes in URL-safe base64; make one with "
                "`head -c 32 /dev/urandom | base64 | tr +/ -_`"
            ) from error

    def seal(self, secret: bytes) -> str:
        """The sealed form of a secret."""
        return self._fernet.encrypt(secret).decode()

    def open(self, sealed: str) -> bytes:
        """The secret in ``sealed``; raises SecretKeyError when another key sealed it, or it was altered."""
        try:
            return self._fernet.decrypt(sealed.encode())
        except InvalidToken as error:
            raise SecretKeyError(
                "a secret in the database does not open with this secret key: use the key the database was "
                f"made with (TRACKREV_SECRET_KEY, or {KEY_FILE} in the data directory)"
            ) from error


def open_sealer(data: Path, given: str = "") -> Sealer:
    """The sealer with the ``given`` key, else with that of ``secret.key`` in ``data``, made when missing.

    Raises SecretKeyError when the key is malformed, or the file can neither be read nor made.
    """
    if given:
        return Sealer(given.encode())
    path = data / KEY_FILE
    try:
        if not path.exists():
            _create(path)
        return Sealer(path.read_bytes().strip())
    except OSError as error:
        raise SecretKeyError(f"cannot read or make the secret key {path}: {error.strerror}") from error


def _create(path: Path) -> None:
    # Two processes may start at once: the key is written aside and linked in whole, and the first one wins.
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # mode 600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        Path(aside).unlink()
