"""Takes the language out of a run's name, so that the names of one original's dubs become the same.

`Harbour Lights (Spanish)`, `Harbour Lights_es`, `Harbour Lights [ES-419]`, `Harbour Lights - Deutsch` and `Harbour
Lights 日本語版` all become `Harbour Lights`. Numbers stay: another episode is another original.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple


def _words_of(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES_FILE = Path(__file__).with_name("known_names.txt")

# The languages that media are dubbed into. Their names are known in each of these languages.
_LANGUAGES = _words_of("""
    af am ar as az be bg bn bs ca cs cy da de el en es et eu fa fi fil fr ga gl gu he hi hr hu hy id is it
    ja ka kk km kn ko ky lo lt lv mk ml mn mr ms mt my nb ne nl nn no or pa pl ps pt ro ru si sk sl so sq sr
    sv sw ta te th tr uk ur uz vi yue zh zu
""")
# A code that is a Roman number too, and a language only in small letters: `Rocky VI`, `rocky.vi`.
_NUMBER_LIKE = "vi"
_LONG_CODES = _words_of("""
    ara ben bul ces chi cmn cze dan deu dut ell eng esp est fas fin fra fre ger gre heb hin hrv hun ind ita
    jpn kor lav lit may msa nld nor pol por ron rum rus slk slo slv spa srp swe tam tel tha tur ukr urd vf
    vie zho ptbr ptpt enus engb esmx eses es419 esla frfr frca zhcn zhtw zhhk dede itit jajp kokr arsa hiin
""")
# Names that CLDR does not have, and forms beside "version".
_OTHER_NAMES = _words_of("""
    castilian castellano castellana mandarin cantonese farsi flemish moldovan tagalog brazilian latam latino
    latina brasileiro brasileira valencian vostfr vietnamese vietnamien vietnamesisch vietnamita française
    anglaise allemande espagnole italienne portugaise japonaise chinoise russe deutsche englische spanische
    französische italienische inglesa española francesa alemana italiana portuguesa русская английская
    испанская французская немецкая
""")
# Words that narrow a language down or say that this is a dub. They go only beside a language.
_COMPANIONS = _words_of("""
    american british european latin canadian mexican simplified traditional latn cyrl hans hant arab dub
    dubs dubbed dubbing version versión versão versione versie fassung synchro doblaje doblado doublage
    doublé dublado dublagem doppiaggio doppiato версия audio track language lang bahasa ภาษา tiếng 简体 繁体 繁體
    in into to auf en em het the as по 版 吹替 吹き替え 吹替版 配音 더빙
""")
# The places that narrow a language down: `Español (Latinoamérica)`, `fr-CA`.
_TERRITORIES = _words_of("""
    419 AE AR AT AU BE BR CA CH CL CN CO DE EG ES FR GB HK IE IN IT KE MA MX NG NL NZ PE PK PT SA SG TW US
    ZA
""")
_UNSPACED_SCRIPTS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff"
_FILE_ENDING = re.compile(r"\.(mp4|mov|mkv|avi|webm|mxf|wav|mp3|m4a|aac|flac|srt|vtt|json|csv)$", re.IGNORECASE)
_BRACKETS = re.compile(r"[(\[{（【「『〔［]([^()\[\]{}（）【】「」『』〔〕［］]*)[)\]}）】」』〕］]")
_TAG = re.compile(r"(?<![^\W_])([a-z]{2,3})[-_](?:[a-z]{4}[-_])?(?:[a-z]{2}|419)(?![^\W_])", re.IGNORECASE)
# The marks of Indic vowels are no letters to `re`, but belong to a word.
_WORD = re.compile(r"(?:[^\W_]|[\u0900-\u0e7f\u1000-\u109f\u1780-\u17ff])+")
_SEPARATOR = re.compile(r"[_/|.:·>→]$|\s[-–—|/:·>→]+\s|[-–—|:·>→]")


class _Word(NamedTuple):
    text: str
    start: int
    end: int
    gap: str
    """What stands between the word before and this one."""

    @property
    def folded(self) -> str:
        return fold(self.text)


def fold(text: str) -> str:
    """Return the text in the form in which names are compared: one width, one case, no accents on Latin letters."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in decomposed if not "\u0300" <= letter <= "\u036f")
    return unicodedata.normalize("NFC", bare)


def name_key(name: str) -> str:
    """Return the form that the names of one original's dubs share; empty for a name of a language and no more."""
    return " ".join(word.folded for word in _words(without_language(name)))


def without_language(name: str) -> str:
    """Return the name as it is written, without language words and tags and without the signs around them."""
    text = _FILE_ENDING.sub("", unicodedata.normalize("NFC", name).strip())
    text = _without_unspaced_name(text)
    words = _words(text)
    marks = _language_marks(text, words)
    if not any(marks):
        return text.strip()
    pieces, before = [], 0
    for word, is_language in zip(words, marks, strict=True):
        if is_language:
            pieces.append(text[before : word.start])
            before = word.end
    text = _tidy(" ".join([*pieces, text[before:]]))
    return text if _words(text) else ""


def _tidy(text: str) -> str:
    """Take out the brackets and the signs that are left around nothing."""
    while (shorter := _BRACKETS.sub(lambda found: found[0] if _words(found[1]) else " ", text)) != text:
        text = shorter
    text = re.sub(r"(?<=[\s_])[-_|/:–—→>·,;.]+(?=[\s_])", " ", text)
    text = re.sub(r"_\s+_", "_", text)
    return re.sub(r"\s+", " ", text).strip(" -_|/:–—→>·,;.")


def _words(text: str) -> list[_Word]:
    found, before = [], 0
    for match in _WORD.finditer(text):
        found.append(_Word(match[0], match.start(), match.end(), text[before : match.start()]))
        before = match.end()
    return found


# --- Which words are a language ----------------------------------------------------------------------


def _language_marks(text: str, words: Sequence[_Word]) -> list[bool]:
    """Return for each word whether it belongs to the language and not to the name."""
    marks = _name_marks(words)
    for found in _TAG.finditer(text):
        if fold(found[1]) in _codes():
            _mark(words, marks, found.start(), found.end())
    for found in _BRACKETS.finditer(text):
        if _is_language([word for word in words if found.start() < word.start < found.end()]):
            _mark(words, marks, found.start(), found.end())
    for place in range(len(words)):
        marks[place] = marks[place] or _is_bare_code(text, words, place, marks)
    known = _companions()
    for step in (1, -1):
        for place in range(len(words))[::step]:
            near = place - step
            marks[place] |= 0 <= near < len(words) and marks[near] and words[place].folded in known
    return marks


def _mark(words: Sequence[_Word], marks: list[bool], start: int, end: int) -> None:
    for place, word in enumerate(words):
        marks[place] |= start <= word.start < end


def _is_language(words: Sequence[_Word]) -> bool:
    """Tell whether the words of a pair of brackets name a language and nothing else."""
    named = _name_marks(words)
    codes = [word.folded in _codes() for word in words]
    known = [word.folded in _companions() for word in words]
    return (any(named) or any(codes)) and all(map(any, zip(named, codes, known, strict=True)))


def _is_bare_code(text: str, words: Sequence[_Word], place: int, marks: Sequence[bool]) -> bool:
    """Tell whether the word is a code such as `es` that is set apart by a sign, or by capitals at the end.

    `It follows` and `As it is` are names, though `it`, `as` and `is` are codes too.
    """
    word = words[place]
    if word.folded not in _codes() or len(words) == 1 or word.text == _NUMBER_LIKE.upper():
        return False
    if place == 0:
        return bool(_SEPARATOR.search(words[1].gap)) and (word.text.isupper() or "_" in words[1].gap)
    is_loud = text.upper() == text
    is_last = place == len(words) - 1
    return (
        bool(_SEPARATOR.search(word.gap)) or marks[place - 1] or (is_last and word.text.isupper() and not is_loud)
    )


def _name_marks(words: Sequence[_Word]) -> list[bool]:
    """Return for each word whether it is part of a language's name; the longest names are found first."""
    marks, names = [False] * len(words), _names()
    for length in (3, 2, 1):
        for start in range(len(words) - length + 1):
            span = slice(start, start + length)
            if not any(marks[span]) and tuple(word.folded for word in words[span]) in names:
                marks[span] = [True] * length
    return [mark or bool(_unspaced_name().fullmatch(word.text)) for mark, word in zip(marks, words, strict=True)]


def _without_unspaced_name(text: str) -> str:
    """Take a language's name off the end of a text whose script has no spaces, such as `港の灯日本語版`."""
    shorter = _unspaced_name().sub("", text)
    return shorter if _words(shorter) else text


# --- The words that are known ------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _codes() -> frozenset[str]:
    return frozenset((*_LANGUAGES, *_LONG_CODES))


@lru_cache(maxsize=1)
def _companions() -> frozenset[str]:
    places = (names_of_all()[1], _COMPANIONS, _TERRITORIES)
    return frozenset(word.folded for names in places for name in names for word in _words(name))


@lru_cache(maxsize=1)
def names_of_all() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of the languages and of the places, in each of the languages.

    They come from a file: to have them from Babel takes half a second, and 80 MB for as long as the process runs.
    """
    lines = NAMES_FILE.read_text(encoding="utf-8").split("\n")
    names = [line for line in lines if not line.startswith("#")]
    end = names.index("")
    return frozenset(names[:end]), frozenset(names[end + 1 : -1])


@lru_cache(maxsize=1)
def _names() -> frozenset[tuple[str, ...]]:
    """Return the names as folded words. Names of three Latin letters are left out: they are also other words."""
    found = {tuple(word.folded for word in _words(name)) for name in (*names_of_all()[0], *_OTHER_NAMES)}
    return frozenset(name for name in found if len("".join(name)) > 3 or not "".join(name).isascii())


@lru_cache(maxsize=1)
def _unspaced_name() -> re.Pattern[str]:
    names = [name for name in names_of_all()[0] if re.fullmatch(f"[{_UNSPACED_SCRIPTS}]{{2,}}", name)]
    names += ["国语", "國語", "粤语", "粵語", "华语", "普通话"]
    longest_first = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    endings = "吹き替え|吹替|字幕|配音|更新|版"
    return re.compile(rf"[\s_-]*(?:简体|繁体|繁體|ภาษา)?(?:{longest_first})(?:{endings})*$")
