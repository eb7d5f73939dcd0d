"""`python ops/install.py PIP-ARGUMENTS`: runs `pip install` and says how far it is, every few seconds.

It needs nothing but the standard library: it runs before anything is installed.
"""

import re
import subprocess
import sys
import threading
import time

_FETCHES = re.compile(r"\s*Collecting ([A-Za-z0-9._-]+)")
_EVERY_S = 5.0


class _Told:
    """What is being done, for whoever waits."""

    def __init__(self) -> None:
        self.doing = "asking for packages"
        self._began = time.monotonic()
        self._ended = threading.Event()
        threading.Thread(target=self._tell, daemon=True).start()

    def end(self, text: str) -> None:
        self._ended.set()
        print(f"  {text} after {time.monotonic() - self._began:.0f} s", flush=True)

    def _tell(self) -> None:
        while not self._ended.wait(_EVERY_S):
            print(f"  {time.monotonic() - self._began:4.0f} s  {self.doing}", flush=True)


def main() -> int:
    """What pip ends with; where that is not 0, all that it said is shown."""
    pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off")
    said: list[str] = []
    packages, told = 0, _Told()
    with subprocess.Popen(
        (*pip, *sys.argv[1:]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if found := _FETCHES.match(line):
                packages += 1
                told.doing = f"fetching {found[1]}, package {packages}"
            if line.startswith("Installing collected packages"):
                told.doing = f"unpacking {packages} packages"
    told.end("not installed" if process.returncode else "installed")
    if process.returncode:
        sys.stderr.writelines(said)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
