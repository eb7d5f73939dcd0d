#!/usr/bin/env bash
# rocksdict 0.3.29: opening a database READ-ONLY rewrites a file in its directory.
#
# What one would expect: AccessType.read_only() leaves the directory as it is.
# What happens: rocksdict notes in rocksdict-config.json how keys are packed (raw_mode). Opening read-only with
# other Options rewrites that file. The owner's next open, with its own Options, then fails once with "does not
# match existing comparator"; the same call made a second time succeeds, because the failed one has put the file
# right again.
#
# The script fails if any of that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" install --quiet --disable-pip-version-check rocksdict==0.3.29
"$dir/venv/bin/python" - "$dir/db" <<'PYTHON'
import sys
from pathlib import Path

import rocksdict

path = Path(sys.argv[1])
config = path / "rocksdict-config.json"


def own() -> rocksdict.Rdict:
    return rocksdict.Rdict(str(path), rocksdict.Options(raw_mode=True))


db = own()
db[b"key"] = b"value"
db.close()
before = config.read_text()

rocksdict.Rdict(str(path), rocksdict.Options(), access_type=rocksdict.AccessType.read_only()).close()
after = config.read_text()
print("rocksdict", "0.3.29")
print("config before:", before)
print("config after a read-only look:", after)
assert '"raw_mode":true' in before and '"raw_mode":false' in after

try:
    own()
except Exception as error:
    print("the owner's first open:", error)
    assert "does not match existing comparator" in str(error)
else:
    sys.exit("the owner's first open succeeded: this finding is out of date")

db = own()
print("the owner's second open:", db[b"key"])
assert db[b"key"] == b"value"
db.close()
PYTHON
