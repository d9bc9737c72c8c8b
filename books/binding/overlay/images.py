"""Images as an EPUB may hold them: of the types that all reading systems know, and without what could act by itself."""

import re
import struct
import zlib
from collections.abc import Callable

from lxml import etree

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_SVG_HEAD, _LONGEST_SVG = 4096, 8 << 20  # bytes

# By what files begin with: the types that books declare are often not those of their images. Sizes are behind it.
_BEGINNINGS = (
    (re.compile(rb"\xff\xd8(?=\xff)"), "image/jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "image/png"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL), "image/webp"),
)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN, _MOST_SEGMENTS = 0xDA, 4096
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "image/svg+xml": "svg"}
_SHORTEST = 32  # bytes: of less than that nothing can be seen

# What runs or embeds.
_ACTIVE = frozenset({"script", "foreignObject", "handler", "listener", "iframe", "audio", "video", "animate", "set"})
_WITHIN = re.compile(r"#|data:image/(?:png|jpeg|gif|webp)[;,]")
_LEADS_AWAY = re.compile(r"@import|url\(\s*+[\"']?+(?!#|data:image/)", re.IGNORECASE)


def image_type(content: bytes) -> str | None:
    """Return the media type of an image that every reading system shows, or ``None``, as of one whose head is damaged."""
    for beginning, media_type in _BEGINNINGS:
        if found := beginning.match(content):
            return media_type if len(content) >= _SHORTEST and _HEADS[media_type](content, found.end()) else None
    return "image/svg+xml" if b"<svg" in content[:_SVG_HEAD] or b":svg" in content[:_SVG_HEAD] else None


def _png_head(content: bytes, at: int) -> bool:
    width, height = struct.unpack_from(">II", content, at)
    return bool(width and height) and zlib.crc32(content[at - 4 : at + 13]) == int.from_bytes(content[at + 13 : at + 17])


def _jpeg_head(content: bytes, at: int) -> bool:
    """Whether a frame and then a scan is announced (ITU T.81, annex B)."""
    framed = False
    for _ in range(_MOST_SEGMENTS):
        if at + 9 > len(content) or content[at] != 0xFF:
            return False
        marker, length = struct.unpack_from(">xBH", content, at)
        if marker == _JPEG_SCAN:
            return framed
        framed = framed or (marker in _JPEG_FRAMES and any(content[at + 5 : at + 7]) and any(content[at + 7 : at + 9]))
        at += 1 if marker == 0xFF else 2 + max(2, length)
    return False


def _gif_head(content: bytes, at: int) -> bool:
    return all(struct.unpack_from("<HH", content, at)) and b"," in content


_HEADS: dict[str, Callable[[bytes, int], bool]] = {
    "image/png": _png_head,
    "image/jpeg": _jpeg_head,
    "image/gif": _gif_head,
    "image/webp": lambda _content, _at: True,
}


def ending_of(media_type: str) -> str:
    """Return how names of files of an image's type end, without the dot."""
    return _ENDINGS[media_type]


def still_svg(content: bytes) -> bytes | None:
    """Return a vector image without scripts, links and what lies elsewhere; ``None`` if it cannot be read."""
    if len(content) > _LONGEST_SVG:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    if root.tag != f"{_SVG}svg":
        return None
    for element in list(root.iter()):
        if _acts(element) and (parent := element.getparent()) is not None:
            parent.remove(element)
    _still(root)
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))


def _acts(element: etree._Element) -> bool:
    """Whether an element is to go: entities, what is not of SVG, what runs, styles that lead away, elements in titles."""
    if not isinstance(element.tag, str) or not element.tag.startswith(_SVG):
        return True
    if (parent := element.getparent()) is not None and parent.tag == f"{_SVG}title":
        return True
    name = element.tag.removeprefix(_SVG)
    return name in _ACTIVE or (name == "style" and bool(_LEADS_AWAY.search("".join(element.itertext()))))


def _still(root: etree._Element) -> None:
    """Take away attributes that run or lead away, and names that were given before."""
    ids: set[str] = set()
    for element in root.iter():
        for name, value in element.attrib.items():
            if _is_to_go(name, value) or (name == "id" and (value in ids or not re.fullmatch(r"[A-Za-z_][\w.-]*+", value))):
                del element.attrib[name]
            elif name == "id":
                ids.add(value)


def _is_to_go(name: str, value: str) -> bool:
    if name in ("href", _XLINK_HREF):
        return not _WITHIN.match(value.strip())
    return name.startswith(("on", "{")) or bool(_LEADS_AWAY.search(value))
