"""The reading speeds that published guidelines for subtitles allow, in characters a second.

Both guides are Netflix's Timed Text Style Guides for adult programmes, as of 26 September 2026:
https://partnerhelp.netflixstudios.com/hc/en-us/sections/22463232153235-Timed-Text-Style-Guides

CAPTIONS are subtitles for the deaf and hard of hearing (SDH), which keep every word. SUBTITLES are translations,
which shorten what is said. The articles are at https://partnerhelp.netflixstudios.com/hc/en-us/articles/ and then:

- English: 217350977-English-USA-Timed-Text-Style-Guide
- Arabic: 215517947-Arabic-Timed-Text-Style-Guide
- Chinese: 215986007-Chinese-Simplified-Timed-Text-Style-Guide, 215994807 for the traditional script
- Hindi: 115003196707-Hindi-Timed-Text-Style-Guide
- Japanese: 215767517-Japanese-Timed-Text-Style-Guide
- Korean: 216001127-Korean-Timed-Text-Style-Guide
- Bangla: 4483351778963-Bangla-Timed-Text-Style-Guide
- Tamil: 4481912003987-Tamil-Timed-Text-Style-Guide
- Telugu: 4482320288787-Telugu-Timed-Text-Style-Guide
- Kannada: 4482685308819-Kannada-Timed-Text-Style-Guide
- Malayalam: 4482522640275-Malayalam-Timed-Text-Style-Guide
- Marathi: 4483518309907-Marathi-Timed-Text-Style-Guide

The other languages with a guide, about 40, allow 20 for captions and 17 for subtitles. Of Kannada, Malayalam and
Marathi only the speed for subtitles is known, and captions take it too, as those of Bangla, Tamil and Telugu do.
The guides count spaces and punctuation (115001352212-How-is-reading-speed-measured).

A language without a guide takes the limit of the language that its script is most used for: Persian that of Arabic.

The BBC's Subtitle Guidelines 1.2.3 of June 2024 recommend 160 to 180 words a minute, which is about 15 characters a
second in English (https://www.bbc.co.uk/accessibility/forproducts/guides/subtitles/). A team may set that.
"""

from collections.abc import Mapping
from typing import NamedTuple

from results.transcripts import languages


class Guide(NamedTuple):
    """Reading speeds by the primary tag of a language, and `general` for all others."""

    general: int
    speeds: Mapping[str, int]


_INDIC = dict.fromkeys(("bn", "kn", "ml", "mr", "ta", "te"), 22)
CAPTIONS = Guide(20, {"ar": 23, "hi": 25, "ja": 7, "ko": 14, "zh": 11, **_INDIC})
SUBTITLES = Guide(17, {"en": 20, "ar": 20, "hi": 22, "ja": 4, "ko": 12, "zh": 9, **_INDIC})

LANGUAGE_OF_GROUP = {"kana": "ja", "han": "zh", "hangul": "ko", "arabic": "ar", "indic": "hi"}
"""The language whose limit a group of scripts takes. Alphabets are not here: they take the general limit."""

_INDIC_SCRIPTS = ("Deva", "Beng", "Guru", "Gujr", "Orya", "Taml", "Telu", "Knda", "Mlym", "Sinh")
_GROUP_OF_SCRIPT = {
    **dict.fromkeys(("Jpan", "Hrkt", "Hira", "Kana"), "kana"),
    **dict.fromkeys(("Hani", "Hans", "Hant"), "han"),
    **dict.fromkeys(("Kore", "Hang"), "hangul"),
    **dict.fromkeys(("Arab", "Aran"), "arabic"),
    **dict.fromkeys(_INDIC_SCRIPTS, "indic"),
}


def group_of_language(tag: str) -> str:
    """Return the group of the language's script, one of LANGUAGE_OF_GROUP; empty for an alphabet."""
    return _GROUP_OF_SCRIPT.get(languages.script_of(tag), "")


def guide_speed(guide: Guide, tag: str) -> int | None:
    """Return the guide's own speed for a language as it is written in this tag; None: it is the general one."""
    group = group_of_language(tag)
    primary = languages.primary(tag)
    # Hindi in Latin letters is read like other Latin letters.
    own = guide.speeds.get(primary) if group_of_language(primary) == group else None
    return own or guide.speeds.get(LANGUAGE_OF_GROUP.get(group, ""))
