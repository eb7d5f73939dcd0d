"""The edge as routes of aiohttp."""

from aiohttp import web

from collectors.deps import EdgeDeps
from collectors.health import Readiness, live
from collectors.links import Links
from collectors.pixel.endpoint import Pixel
from collectors.pixel.script import Script
from collectors.publisher import Bounds, DeadLetterPublisher, FactPublisher, HitPublisher
from collectors.responses import readable_by_pages
from collectors.stripe.dead_letters import StripeLetters
from collectors.stripe.webhook import StripeWebhook
from trackrev_stream.http_json import answering_errors


def routes(deps: EdgeDeps) -> list[web.RouteDef]:
    """The routes of the edge over ``deps``. To be made within the event loop that will serve them."""
    limits = deps.limits
    bounds = Bounds(limits.pending_hits, limits.publish_wait_s)
    hits = HitPublisher(deps.publisher, deps.partitions, bounds)
    facts = FactPublisher(deps.publisher, deps.partitions, bounds)
    dead_letters = DeadLetterPublisher(deps.publisher, deps.partitions, bounds)
    pixel = Pixel(deps, hits, dead_letters)
    webhook = StripeWebhook(deps, facts, StripeLetters(dead_letters))
    readiness = Readiness(deps.ready, deps.trouble)
    return [
        web.post("/e", readable_by_pages("pixel", pixel.take)),
        web.options("/e", pixel.preflight),
        web.get("/p.js", Script().get),
        web.get("/l/{slug}", Links(deps, hits).follow),
        web.post("/webhooks/stripe/{workspace}", answering_errors("stripe", webhook.take)),
        web.get("/live", live),
        web.get("/ready", answering_errors("ready", readiness.ready)),
    ]


def add_routes(app: web.Application, deps: EdgeDeps) -> None:
    """Serve the edge from ``app``."""
    app.add_routes(routes(deps))
