"""Makes one HTML file of a page's templates: scripts and styles inside, and a policy that lets no others run."""

import base64
import hashlib
import math
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_STYLE, _SCRIPT = "report.css", "report.js"
_LOADER = PackageLoader("reports")
NOTHING = "\u2013"
# What a browser shows as nothing, or takes for the end of something: controls, and halves of characters that are none in UTF-8.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def render(template: str, values: Mapping[str, Any]) -> bytes:
    """Return a page. All values are escaped, but for charts, which are ours."""
    style, script = (_source(name) for name in (_STYLE, _SCRIPT))
    ours = {"style": Markup(style), "script": Markup(script), "policy": _policy(style, script)}  # noqa: S704 - our files
    page = _environment().get_template(template).render(**values, **ours)
    return page.encode()


def _policy(style: str, script: str) -> str:
    """Return the page's policy: nothing from anywhere, but its own style and script, and sound in it or beside it."""
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; img-src data:; "
        "media-src 'self' data: file:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _source(name: str) -> str:
    environment = _environment()
    return _LOADER.get_source(environment, name)[0].strip()


@cache
def _environment() -> Environment:
    environment = Environment(loader=_LOADER, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "clean": clean,
        "count": counted,
        "clock": clock,
        "span": span,
        "number": number,
        "short": shortened,
    }
    return environment


def clean(text: Any) -> str:
    """Return a stranger's text with a sign for each character that a page cannot have."""
    return _UNSEEN.sub("\ufffd", str(text))


def shortened(text: Any, most: int = 300) -> str:
    """Return the beginning of a text."""
    said = clean(text)
    return said if len(said) <= most else said[: most - 1] + "…"


def counted(value: int) -> str:
    """Return a count with commas."""
    return f"{value:,}"


def number(value: float | None, digits: int = 1) -> str:
    """Return a number, with a minus sign that is as wide as a digit; a dash for none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:,.{digits}f}".replace("-", "\u2212")


def clock(seconds: float) -> str:
    """Return a time as players show it: ``1:02:03``, ``4:05``."""
    whole = int(seconds)
    minutes, hours = whole // 60 % 60, whole // 3600
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def span(seconds: float) -> str:
    """Return how long something took or lasts, in words: ``1.5 h``, ``12 min``, ``3.2 s``."""
    if seconds >= 172_800:
        return f"{timedelta(seconds=seconds) / timedelta(days=1):,.1f} days"
    if seconds >= 5_400:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:,.1f} min" if seconds >= 90 else f"{seconds:,.1f} s"
