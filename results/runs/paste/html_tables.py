"""Reads HTML tables and XML records: turns their source into lines that are read like any other pasted table."""

import html
import re
from html.parser import HTMLParser

from results.runs.paste import column_names

_HTML = re.compile(r"<(?:table|tr|td|th|ul|ol|li|div|p|html|body)\b[^>]*>", re.IGNORECASE)
_LEAF = re.compile(r"<(?P<name>[A-Za-z_][\w.-]*)(?:\s[^<>]*)?>(?P<value>[^<>]*)</(?P=name)\s*>")
_TAG = re.compile(r"<[A-Za-z_][\w.-]*(?P<attributes>(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))+)\s*/?>")
_ATTRIBUTE = re.compile(r"(?P<name>[\w:.-]+)\s*=\s*[\"'](?P<value>[^\"']*)")
# It ends before the next one: very many without an end would each be read to the end of the text.
_CDATA = re.compile(r"<!\[CDATA\[((?:(?!<!\[CDATA\[).)*?)\]\]>", re.DOTALL)
_CELLS = {"td", "th"}
_BLOCKS = {"tr", "p", "div", "li", "br", "h1", "h2", "h3", "h4", "caption", "table", "thead", "tbody", "tfoot"}
_UNSEEN = {"script", "style", "template", "head"}


def to_text(text: str) -> str:
    """Return HTML as lines with tabs between a table's cells, and XML as `name: value` lines; other texts as is."""
    if _HTML.search(text):
        reader = _Reader()
        reader.feed(text)
        reader.close()
        return "".join(reader.written)
    if not text.lstrip().startswith("<"):
        return text
    plain = _CDATA.sub(lambda data: html.escape(data[1]), text)
    leaves = [_LEAF.finditer(plain), *(_ATTRIBUTE.finditer(tag["attributes"]) for tag in _TAG.finditer(plain))]
    fields = [(leaf["name"], " ".join(html.unescape(leaf["value"]).split())) for each in leaves for leaf in each]
    if not any(column_names.run_rank(name) or column_names.is_task(name) for name, _value in fields):
        return text
    return "\n".join(f'{name}: "{value.replace(chr(34), "”")}"' for name, value in fields)


class _Reader(HTMLParser):
    """Collects the visible text: a row of a table is a line, and its cells have tabs between them."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []
        self._depth_unseen = 0
        self._cells_in_row = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._depth_unseen += 1
        elif tag in _CELLS:
            if self._cells_in_row:
                self.written.append("\t")
            self._cells_in_row += 1
        elif tag == "br" and self._cells_in_row:
            self.written.append(" ")
        elif tag in _BLOCKS and not (self._cells_in_row and tag != "tr"):
            self._end_line()

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._depth_unseen = max(0, self._depth_unseen - 1)
        elif tag in {"tr", "table"} or (tag in _BLOCKS and not self._cells_in_row):
            self._end_line()

    def handle_data(self, data: str) -> None:
        if not self._depth_unseen and data.strip():
            self.written.append(f" {' '.join(data.split())} " if self._cells_in_row else data)

    def _end_line(self) -> None:
        self.written.append("\n")
        self._cells_in_row = 0
