"""`make soak`: the program under faults, compared line for line with a run that nothing disturbed.

The input is a crowd from a seed, published straight into the topics by the collectors' own publishers. It
goes through one undisturbed process over the embedded log and SQLite; through workers over a real Apache
Kafka and PostgreSQL, which are killed, frozen, stopped and added while broker and database are restarted;
and through one embedded process that is killed again and again. All three must have the same lines standing.
"""

import argparse
import logging
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

from tests.program.running import ROOT
from tests.soak.form import SHORT, Fault, Form
from tests.soak.soak import Soak, Verdict

RESULTS = ROOT / "ops" / "soak.md"


def main() -> int:
    """0 when all books are equal, 1 when they are not."""
    given = _arguments().parse_args()
    sizes = {
        item.name: value
        for item in fields(Form)
        if item.name != "seed" and (value := getattr(given, item.name)) is not None
    }
    base = {item.name: getattr(SHORT, item.name) for item in fields(Form)} if given.short else {}
    form = Form(**base | sizes | {"seed": given.seed})
    # Whoever ends it wants no servers left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of every try while the broker is away
    began = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - began:7.1f} s] {text}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory(prefix="trackrev-soak-", ignore_cleanup_errors=True) as place:
        soak = Soak(form, Path(place), say, given.broken, given.suffer)
        verdicts = soak.run(cluster=given.only != "alone", alone=given.only != "cluster")
    commit = _commit()
    rows = [_row(verdict, form, commit, given.broken) for verdict in verdicts]
    sys.stdout.write("\n".join((*rows, "")))
    if given.record:
        with RESULTS.open("a") as results:
            results.writelines(f"{row}\n" for row in rows)
    return 0 if all(verdict.right for verdict in verdicts) else 1


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of all that is random")
    parser.add_argument("--short", action="store_true", help="the small form, as in make test-kafka")
    parser.add_argument("--only", choices=("cluster", "alone"), help="one of the two disturbed runs")
    parser.add_argument("--broken", default="", metavar="DEFECT,...", help="see tests/soak/defects.py")
    parser.add_argument(
        "--suffer", type=_faults, default=(), metavar="FAULT,...",
        help=f"these instead of drawn ones: {', '.join(fault.name.lower() for fault in Fault)}",
    )  # fmt: skip
    parser.add_argument("--record", action="store_true", help="append the rows to ops/soak.md")
    for item in fields(Form):
        if item.name != "seed":
            parser.add_argument(f"--{item.name.replace('_', '-')}", type=int, metavar="N")
    return parser


def _faults(text: str) -> tuple[Fault, ...]:
    return tuple(Fault[name.upper()] for name in text.split(","))


def _row(verdict: Verdict, form: Form, commit: str, broken: str) -> str:
    found = "equal" if verdict.right else f"**{len(verdict.wrong)} or more differ**"
    ended = ", ".join(f"{number} x {code}" for code, number in sorted(verdict.ended.items())) or "none"
    lags = f"{min(verdict.lags):,} to {max(verdict.lags):,}" if verdict.lags else "none"
    today = time.strftime("%Y-%m-%d", time.gmtime())
    cells = (
        *(
            today,
            commit,
            f"{verdict.name}{broken and f', broken: {broken}'}",
            str(form.seed),
            f"{form.hits:,} / {form.charges:,}",
        ),
        *(str(len(verdict.lags)), lags, ended, f"{verdict.lines:,}", found, f"{verdict.took_s / 60:.1f}"),
    )
    return f"| {' | '.join(cells)} |"


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(
            ("git", *words), cwd=ROOT, capture_output=True, text=True, check=False
        ).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


if __name__ == "__main__":
    sys.exit(main())
