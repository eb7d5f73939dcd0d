"""Checks of a workspace's site: is the tag on it, and what became of its last hits."""

from collections import Counter
from collections.abc import Iterator, Mapping

from trackrev_stream.contracts.times import utc_minute
from trackrev_stream.doctor.facts import Facts, Outcomes, WorkspaceFacts
from trackrev_stream.doctor.findings import Finding, note, ok, warning
from trackrev_stream.domain.journeys.touch import HitKind
from trackrev_stream.domain.values.days import day_of, iso_of

QUIET_DAYS = 2

DROPPED = {
    "bot": "they came from bots: nothing is wrong with that",
    "prefetch": "a browser fetched in advance: nothing is wrong with that",
    "prerender": "a browser rendered in advance: nothing is wrong with that",
    "ahead": "a browser looked ahead at a link: nothing is wrong with that",
    "head": "a program asked where a link leads: nothing is wrong with that",
    "archived": "the link or the workspace is archived, and counts no more",
    "gpc": "the visitor asked not to be counted",
    "placeholder_email": "identify was given an address that stands for nobody, such as test@example.com",
    "erased": "they are of somebody who was erased",
    "bad_hit": "a hit should be an object: look at what the site sends (ops/guide/pixel.md)",
    "bad_id": "the id of the hit is missing or too long: look at what the site sends (ops/guide/pixel.md)",
    "bad_type": "a hit is a pageview or an identify: look at what the site sends (ops/guide/pixel.md)",
    "bad_time": "the time of the hit is none: look at the clock of whoever sends them",
    "bad_url": "the URL of the page or its referrer is none: look at what the site sends",
    "bad_email": "identify was given something that is no address",
    "bad_proof": "the signature of identify is wrong or over: look at `trackrev workspace identify-secret`",
    "too_many": "more came in a second than is taken",
    "unavailable": "the log did not take them: see what is said of it above",
}
HARMLESS = frozenset({"bot", "prefetch", "prerender", "ahead", "head", "archived", "gpc", "erased"})


def check_tag(facts: Facts, workspace: WorkspaceFacts) -> Iterator[Finding]:
    """Whether the script was ever heard of from the site."""
    hits = _hits(facts, workspace)
    taken = [one for one in hits if one["outcome"] == "taken" and one["kind"] != HitKind.CLICK]
    hosts = ", ".join(dict.fromkeys(str(one["host"]) for one in reversed(taken) if one["host"]))
    if taken:
        at = utc_minute(int(str(taken[-1]["at"])))
        yield ok("tag_seen", f"{workspace.id}: the tag was seen on {hosts or workspace.domain}, last on {at}")
        return
    if workspace.last_visit_day is None:
        yield warning(
            "tag_never_seen",
            f"{workspace.id}: no hit of {workspace.domain} was ever taken",
            f"put the tag on every page of {workspace.domain}, open one in a browser, and look here again",
        )
    elif day_of(facts.now) - workspace.last_visit_day > QUIET_DAYS:
        yield warning(
            "tag_silent",
            f"{workspace.id}: the last visit of {workspace.domain} was on {iso_of(workspace.last_visit_day)}",
            f"is the tag still on {workspace.domain}, and may its pages load it (Content-Security-Policy)?",
        )
    else:
        yield ok("tag_seen", f"{workspace.id}: the last visit was on {iso_of(workspace.last_visit_day)}")


def check_hits(facts: Facts, workspace: WorkspaceFacts) -> Iterator[Finding]:
    """What became of the last hits, and why."""
    hits = _hits(facts, workspace)
    if not hits:
        return
    lost = Counter((str(one["outcome"]), str(one["reason"])) for one in hits if one["outcome"] != "taken")
    taken = len(hits) - lost.total()
    told = [f"{taken} taken"] + [f"{count} {what} ({why})" for (what, why), count in lost.most_common()]
    message = f"{workspace.id}: of the last {len(hits)} hits {', '.join(told)}"
    reasons = [why for (_, why), _ in lost.most_common() if why not in HARMLESS]
    if not reasons:
        yield ok("hits_ok", message)
    else:
        do = "; ".join(f"{why}: {DROPPED.get(why, 'look at the log')}" for why in reasons)
        yield warning("hits_lost", message, do)


def check_strangers(facts: Facts) -> Iterator[Finding]:
    """Hits that name a workspace that is not there."""
    hits = facts.running.hits.get("", ()) if facts.running is not None else ()
    if hits:
        hosts = ", ".join(dict.fromkeys(str(one["host"]) for one in hits if one["host"])) or "pages"
        at = utc_minute(int(str(hits[-1]["at"])))
        yield warning(
            "unknown_workspace",
            f"{hosts}: the tag names a workspace that is not here, last on {at}",
            "compare data-workspace in the tag with `trackrev workspace list`",
        )


def last_hits(facts: Facts, workspace: WorkspaceFacts, most: int = 5) -> list[str]:
    """The last hits for people, the newest first."""
    return [_line(one) for one in reversed(_hits(facts, workspace)[-most:])]


def _line(one: Mapping[str, object]) -> str:
    why = f" ({one['reason']})" if one["reason"] else ""
    return f"{utc_minute(int(str(one['at'])))}  {one['kind']:9} {one['host'] or '-'}: {one['outcome']}{why}"


def _hits(facts: Facts, workspace: WorkspaceFacts) -> Outcomes:
    return facts.running.hits.get(workspace.id, ()) if facts.running is not None else ()


def check_no_workspace(facts: Facts) -> Iterator[Finding]:
    """Whether there is anything to look at."""
    if not facts.workspaces and not facts.store_wrong:
        yield note(
            "no_workspace",
            "there is no workspace yet",
            "make one for your site: trackrev workspace create WS --domain D",
        )
