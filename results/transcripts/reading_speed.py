"""How fast texts are read and spoken, in characters a second, which depends on the script.

The reading speeds are those of the subtitling guides that the trade follows (Netflix's Timed Text Style Guides, for
adults). They are 20 for alphabets, 22 for the scripts of India, 17 for Hebrew, Thai and the scripts of Thai's
neighbours, 12 for Korean and 9 for Chinese. Japanese has the speed of Chinese here. Its guide's 4 is for subtitles
that shorten the spoken text, while a dub's lines are the spoken text. Marks above and below a letter take no time.
"""

import re
import unicodedata
from collections import Counter

SPEED = 20
SPEEDS = {"han": 9, "hangul": 12, "thai": 17, "hebrew": 17, "indic": 22}

_SCRIPT = re.compile(
    r"(?P<han>[\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
    r"|(?P<hangul>[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3])"
    r"|(?P<thai>[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff])"
    r"|(?P<hebrew>[\u0590-\u05ff])"
    r"|(?P<indic>[\u0900-\u0dff])"
    r"|(?P<alphabet>\w)"
)
_WITHOUT_WIDTH = {"Mn", "Me", "Cf", "Cc"}


def speed_for(text: str) -> int:
    """Return the reading speed of a text in characters a second, which depends on its most frequent script."""
    if text.isascii():
        return SPEED
    scripts = Counter(found.lastgroup for found in _SCRIPT.finditer(text)).most_common(1)
    return SPEEDS.get(scripts[0][0] or "", SPEED) if scripts else SPEED


def length(text: str) -> int:
    """Return the number of characters to read.

    Marks and invisible characters do not count, and spaces in a row count as one.
    """
    text = " ".join(text.split())
    return (
        len(text) if text.isascii() else sum(unicodedata.category(letter) not in _WITHOUT_WIDTH for letter in text)
    )
