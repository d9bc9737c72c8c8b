"""Bytes of HTML and XML, sound or damaged, in; trees out. Nothing is fetched and no entity of a document's own is expanded."""

import re
from functools import lru_cache
from html.entities import html5
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from books.reading.encoding import decode

Element = Any  # lxml has no types of its own

_DECLARATION = re.compile(r"\s*<\?xml[^>]{0,1000}\?>")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_OF_XML = {"amp", "lt", "gt", "quot", "apos"}
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_EMPTY_TAG = re.compile(r"<([A-Za-z][\w:\-]{0,40})(\s[^<>]{0,4000}?)?/>")
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_PROLOGUE = 1 << 16


def parse_document(content: bytes | str, *, xml: bool = True) -> tuple[Element, bool]:
    """Return the root of a (X)HTML document, and whether it was XML that is not well-formed and was read as HTML."""
    text = content if isinstance(content, str) else decode(content)
    text = _FORBIDDEN.sub("", _without_prologue(text))
    if xml:
        try:
            return etree.fromstring(_ENTITY.sub(_character, text).encode(), _xml_parser()), False
        except etree.XMLSyntaxError:
            text = _EMPTY_TAG.sub(_opened, _without_sections(text))
    root = None
    if text.strip():
        parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
        root = etree.fromstring(text.encode(), parser)
    return etree.Element("html") if root is None else root, xml


def parse_xml(content: bytes) -> tuple[Element | None, bool]:
    """Return the root of an XML file of a package, and whether it was mended; no root if nothing is to be found in it."""
    text = _ENTITY.sub(_character, _FORBIDDEN.sub("", _without_prologue(decode(content)))).encode()
    try:
        return etree.fromstring(text, _xml_parser()), False
    except etree.XMLSyntaxError:
        try:
            return etree.fromstring(text, _xml_parser(recover=True)), True
        except etree.XMLSyntaxError:
            return None, True


def _xml_parser(*, recover: bool = False) -> Any:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        encoding="utf-8",
        recover=recover,
        remove_comments=True,
        remove_pis=True,
    )


def _without_prologue(text: str) -> str:
    """Drop the XML declaration, which may name an encoding that this is no longer in, and the DOCTYPE with its entities."""
    text = text.lstrip("\ufeff \t\r\n")
    declared = _DECLARATION.match(text)
    text = text[declared.end() :] if declared else text
    begin = text[:_PROLOGUE].upper().find("<!DOCTYPE")
    if begin < 0:
        return text
    end, subset = text.find(">", begin), text.find("[", begin)
    if 0 <= subset < end:
        end = text.find(">", max(text.find("]", subset), begin))
    return text[:begin] + text[end + 1 :] if end >= 0 else text


def _character(entity: re.Match[str]) -> str:
    name = entity[1]
    return entity[0] if name in _OF_XML or f"{name};" not in html5 else escape(html5[f"{name};"])


def _opened(tag: re.Match[str]) -> str:
    """Write ``<a/>`` as ``<a></a>``: to HTML an element that closes itself is one that begins."""
    return tag[0] if tag[1].lower() in _VOID else f"<{tag[1]}{tag[2] or ''}></{tag[1]}>"


def _without_sections(text: str) -> str:
    first, *sections = text.split("<![CDATA[")
    return first + "".join(escape(inside) + after for inside, _, after in (section.partition("]]>") for section in sections))


@lru_cache(maxsize=4096)
def _local(name: str) -> str:
    return name.rpartition("}")[2].rpartition(":")[2].lower()


def name_of(element: Element) -> str:
    """Return an element's name, in lower case and without its namespace; an empty one for comments and the like."""
    return _local(element.tag) if isinstance(element.tag, str) else ""


_OPS = "{http://www.idpf.org/2007/ops}type"
_SSML = "{http://www.w3.org/2001/10/synthesis}"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def types_of(element: Element) -> set[str]:
    """Return what an element says it is, by ``epub:type`` and by ``role`` (``doc-`` is left out)."""
    said = f"{element.get(_OPS) or element.get('epub:type') or ''} {element.get('role') or ''}".lower().split()
    return {word.removeprefix("doc-") for word in said}


def classes_of(element: Element) -> set[str]:
    """Return an element's classes, in lower case."""
    return set((element.get("class") or "").lower().split())


def language_of(element: Element) -> str | None:
    """Return the language code of an element's own, if it names a language that people speak."""
    said = element.get(_XML_LANG) or element.get("xml:lang") or element.get("lang")
    code = (said or "").strip().replace("_", "-")
    return None if not code or code.lower().split("-")[0] in ("x", "und", "zxx", "mis", "mul", "art", "i") else code


def ssml_of(element: Element, name: str) -> str | None:
    """Return an attribute of SSML on an element of HTML: ``ssml:ph``."""
    said: str | None = element.get(_SSML + name) or element.get(f"ssml:{name}")
    return said


def words_in(element: Element) -> str:
    """Return an element's text in one line."""
    return " ".join("".join(element.itertext()).split())
