"""How fast texts are read and spoken, in characters a second, which depends on the script.

A dub's lines are what is said, word for word, so the speeds are those of guides for such subtitles.
`reading_guides` names the guides and has the speed of each language.

Characters are counted as readers see them: a Korean syllable is one in any encoding, and so are a half-width kana
with its sound mark and an emoji made of several. Marks above and below a letter take no time.
"""

import re
import unicodedata
from collections import Counter

SPEED = 20
SPEEDS = {"kana": 7, "han": 11, "hangul": 14, "arabic": 23, "indic": 25}
# Chinese texts may quote a kana; Japanese ones have more than this share of them.
_LEAST_KANA = 0.1

_SCRIPT = re.compile(
    r"(?P<han>[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+)"
    r"|(?P<kana>[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f]+)"
    r"|(?P<hangul>[\u1100-\u11ff\u3130-\u318f\ua960-\ua97c\uac00-\ud7fb\uffa1-\uffdc]+)"
    r"|(?P<arabic>[\u0620-\u06d3\u06ee-\u06ff\u0750-\u077f\u08a0-\u08c9\ufb50-\ufdff\ufe70-\ufefc]+)"
    r"|(?P<indic>[\u0900-\u0dff]+)"
    r"|(?P<alphabet>\w)"
)
_HALF_WIDTH = re.compile("[\uff65-\uffdc]+")
_PICTOGRAPH = "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
# Flags of two letters, and pictographs with skin tones or joined to others.
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"
    f"|{_PICTOGRAPH}[\ufe0f\U0001f3fb-\U0001f3ff]*(?:\u200d{_PICTOGRAPH}[\ufe0f\U0001f3fb-\U0001f3ff]*)*"
)
_WITHOUT_WIDTH = {"Mn", "Me", "Cf", "Cc"}
# Vowels and final consonants of syllables that have no code of their own.
_LATER_JAMO = re.compile("[\u1160-\u11ff\ud7b0-\ud7fb]")


def speed_for(text: str) -> int:
    """Return the reading speed of a text in characters a second, which depends on its most frequent script."""
    return SPEEDS.get(script_group(text), SPEED)


def script_group(text: str) -> str:
    """Return the group of the text's most frequent script, one of SPEEDS; empty for alphabets."""
    # Before Hebrew there are only alphabets: most lines need no count of scripts.
    if max(text, default="") < "\u0590":
        return ""
    scripts = Counter[str]()
    for found in _SCRIPT.finditer(_composed(text)):
        scripts[found.lastgroup or ""] += len(found[0])
    if scripts["kana"] > _LEAST_KANA * scripts["han"]:
        scripts["kana"] += scripts.pop("han", 0)
    group = max(scripts, key=scripts.__getitem__, default="")
    return group if group in SPEEDS else ""


def length(text: str) -> int:
    """Return the number of characters to read.

    Marks and invisible characters do not count, and spaces in a row count as one.
    """
    text = " ".join(text.split())
    # Before U+0300 every printable character is composed and takes one place.
    if text.isascii() or (max(text) < "\u0300" and text.isprintable()):
        return len(text)
    text = _EMOJI.sub("*", _LATER_JAMO.sub("", _composed(text)))
    return sum(unicodedata.category(letter) not in _WITHOUT_WIDTH for letter in text)


def _composed(text: str) -> str:
    """Return the text with a code for each syllable, and kana in full width."""
    full_width = _HALF_WIDTH.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return unicodedata.normalize("NFC", full_width)
