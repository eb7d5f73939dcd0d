"""The jars of the broker, fetched once by Maven: `python -m ops.kafka.jars`, or `make kafka-server`."""

import fcntl
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
POM = Path(__file__).with_name("pom.xml")
CACHE = ROOT / ".kafka"
_DONE = "complete"


class Missing(Exception):
    """Something that the broker needs is not on this machine; the message says what."""


def jars() -> Path:
    """The directory of the jars, fetched when they are missing or of another version.

    Raises Missing without Java or Maven, or when Maven cannot fetch.
    """
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise Missing(f"{program} is not installed: Java 17 and Maven are needed for a real Kafka broker")
    CACHE.mkdir(exist_ok=True)
    target, mark = CACHE / "libs", CACHE / _DONE
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = POM.read_text()
        if not mark.exists() or mark.read_text() != wanted:
            shutil.rmtree(target, ignore_errors=True)
            _fetch(target)
            mark.write_text(wanted)
    return target


def _fetch(target: Path) -> None:
    done = subprocess.run(
        [
            *("mvn", "--quiet", "--batch-mode", "--file", str(POM), "dependency:copy-dependencies"),
            *("-DincludeScope=runtime", f"-DoutputDirectory={target}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Missing(f"Maven could not fetch Kafka:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


if __name__ == "__main__":
    print(f"Apache Kafka is in {jars()}")
