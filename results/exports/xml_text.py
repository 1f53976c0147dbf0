"""Text as XML can hold it, for Word documents and Atom feeds."""

import re

# The characters that XML 1.0 cannot hold, not even escaped.
_INVALID = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def valid_xml(text: str) -> str:
    """Return the text with a replacement character for each that XML cannot hold."""
    return _INVALID.sub("\N{REPLACEMENT CHARACTER}", text)
