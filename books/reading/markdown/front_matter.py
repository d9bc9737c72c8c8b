"""What stands between ``---`` before a Markdown text: as much of YAML as people write there, and no more."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_FENCE = re.compile(r"---[ \t]*\n")
_FENCE_END = re.compile(r"(?:---|\.\.\.)[ \t]*\Z")
_KEY = re.compile(r"([A-Za-z][\w \-]{0,60}?)[ \t]*:(?:[ \t]+(.*))?\Z")
_ITEM = re.compile(r"[ \t]*-[ \t]+(.*)\Z")
_NAME = re.compile(r"\s*(?:name|text|author|family)[ \t]*:[ \t]+(.*)\Z", re.I)
_FOLDED = re.compile(r"[|>][+\-0-9]{0,2}\Z")
_MOST_LINES = 500
_CREATORS = ("author", "authors", "creator", "creators", "by")


@dataclass(frozen=True)
class FrontMatter:
    """Fields of a front matter by their names in lower case, those with several values joined; and authors, one by one."""

    fields: dict[str, str] = field(default_factory=dict)
    creators: tuple[str, ...] = ()

    @property
    def title(self) -> str | None:
        """The title, with its subtitle if there is one."""
        title, subtitle = self.fields.get("title"), self.fields.get("subtitle")
        return f"{title}: {subtitle}" if title and subtitle else title

    @property
    def language(self) -> str | None:
        """The code of the language."""
        return self.fields.get("language") or self.fields.get("lang")


def read_front_matter(text: str) -> tuple[FrontMatter, str]:
    """Return a text's front matter and the text behind it. A rule that opens a text without fields behind it is no fence."""
    if not _FENCE.match(text):
        return FrontMatter(), text
    lines = text.split("\n", _MOST_LINES)
    end = next((number for number, line in enumerate(lines[1:_MOST_LINES], 1) if _FENCE_END.match(line)), None)
    if end is None:
        return FrontMatter(), text
    values = _values(lines[1:end])
    if not values and any(line.strip() for line in lines[1:end]):
        return FrontMatter(), text
    creators = [name for key in _CREATORS for name in values.get(key, ())]
    fields = {key: ", ".join(value) for key, value in values.items() if value}
    return FrontMatter(fields, tuple(dict.fromkeys(creators))), "\n".join(lines[end + 1 :])


def _values(lines: Sequence[str]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in lines:
        key = _KEY.match(line)
        if key and not line[0].isspace():
            current = values.setdefault(key[1].lower(), [])
            current.extend(_listed(key[2] or ""))
        elif current is not None and line.strip() and not line.lstrip().startswith("#"):
            _go_on(current, line)
    return values


def _go_on(values: list[str], line: str) -> None:
    """Take a line that belongs to the key before: an item, a name in one, or more of a text."""
    item = _ITEM.match(line)
    name = _NAME.match(item[1] if item else line)
    if name or item:
        values.append(_plain((name or item)[1]))  # type: ignore[index]
    elif values and not _KEY.match(line.strip()):
        values[-1] = f"{values[-1]} {_plain(line)}".strip()
    elif not values:
        values.append(_plain(line))


def _listed(value: str) -> Iterator[str]:
    value = value.strip()
    if value.startswith("[") and value.endswith("]"):
        yield from filter(None, map(_plain, value[1:-1].split(",")))
    elif value and not _FOLDED.match(value):
        yield _plain(value)


def _plain(value: str) -> str:
    """Return a scalar without its quotes, or the comment behind it."""
    value = value.strip()
    for quote in ("'", '"'):
        if value.startswith(quote) and (end := value.find(quote, 1)) > 0:
            return value[1:end].strip()
    return re.sub(r"\s#.*\Z", "", value).strip()
