"""The program as a version might have been that did not know `identify`: it cannot read what tells of one."""

import sys

from trackrev_stream.agents import stitch
from trackrev_stream.cli.main import main
from trackrev_stream.contracts import codec
from trackrev_stream.domain.journeys.touch import Hit, HitKind


def decode_frame(kind: type[Hit], raw: bytes | None) -> list[Hit | tuple[bytes, codec.Malformed]]:
    lines = (raw or b"").split(b"\n")
    return [
        (line, codec.Malformed("not a Hit: Invalid enum value 'identify' - at `$.data.kind`"))
        if isinstance(hit, Hit) and hit.kind is HitKind.IDENTIFY
        else hit
        for line, hit in zip(lines, codec.decode_frame(kind, raw), strict=True)
    ]


if __name__ == "__main__":
    vars(stitch)["decode_frame"] = decode_frame
    sys.exit(main())
