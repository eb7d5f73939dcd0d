"""The script tag that a site carries."""

from html import escape

from trackrev_stream.contracts.ports import Workspace

STUB = "window.trackrev = window.trackrev || function () { (trackrev.q = trackrev.q || []).push(arguments) }"
"""Calls before p.js has come wait in its queue."""


def script_tag(origin: str, workspace: Workspace) -> str:
    """The tag for the pages of a workspace's site; ``origin`` is where this program is reached."""
    attributes = [f'src="{escape(origin)}/p.js"', f'data-workspace="{escape(workspace.id)}"']
    if valid := " ".join(each.cookie_domain for each in workspace.domains if each.cookie_domain):
        attributes.append(f'data-cookie-domain="{escape(valid)}"')
    return f"<script>{STUB}</script>\n<script async\n  " + "\n  ".join(attributes) + "></script>"
