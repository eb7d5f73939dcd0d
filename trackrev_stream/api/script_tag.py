"""The script tag that a site carries."""

from html import escape

from trackrev_stream.contracts.ports import Workspace


def script_tag(origin: str, workspace: Workspace) -> str:
    """The tag for the pages of a workspace's site; ``origin`` is where this program is reached."""
    attributes = [f'src="{escape(origin)}/p.js"', f'data-workspace="{escape(workspace.id)}"']
    if workspace.cookie_domain:
        attributes.append(f'data-cookie-domain="{escape(workspace.cookie_domain)}"')
    return "<script async\n  " + "\n  ".join(attributes) + "></script>"
