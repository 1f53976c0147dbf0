"""Reads the text or table of a file of run ids: CSV and TSV in any encoding, Excel and OpenDocument workbooks."""

import codecs
import io
import re
import unicodedata
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256

import chardet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from results.runs.paste import limits, workbooks

# The encodings in which Excel and its like save CSV, as of MS-DOS and Macintosh too, and what mail and older Unix
# programs write, with the names that people know.
ENCODINGS = {
    "utf_8": "UTF-8",
    "utf_16": "UTF-16",
    "utf_32": "UTF-32",
    "utf_7": "UTF-7",
    "cp1250": gettext_lazy("Central European, cp1250"),
    "cp1251": gettext_lazy("Cyrillic, cp1251"),
    "cp1252": gettext_lazy("Western European, cp1252"),
    "cp1253": gettext_lazy("Greek, cp1253"),
    "cp1254": gettext_lazy("Turkish, cp1254"),
    "cp1255": gettext_lazy("Hebrew, cp1255"),
    "cp1256": gettext_lazy("Arabic, cp1256"),
    "cp1257": gettext_lazy("Baltic, cp1257"),
    "cp1258": gettext_lazy("Vietnamese, cp1258"),
    "cp874": gettext_lazy("Thai, cp874"),
    "cp932": gettext_lazy("Japanese, cp932"),
    "cp949": gettext_lazy("Korean, cp949"),
    "gb18030": gettext_lazy("Chinese, gb18030"),
    "big5hkscs": gettext_lazy("Chinese, big5"),
    "mac_roman": gettext_lazy("Western European, Mac Roman"),
    "mac_cyrillic": gettext_lazy("Cyrillic, Mac Cyrillic"),
    "cp850": gettext_lazy("Western European, DOS cp850"),
    "cp852": gettext_lazy("Central European, DOS cp852"),
    "cp857": gettext_lazy("Turkish, DOS cp857"),
    "cp866": gettext_lazy("Cyrillic, DOS cp866"),
    "iso8859_2": gettext_lazy("Central European, ISO 8859-2"),
    "iso8859_5": gettext_lazy("Cyrillic, ISO 8859-5"),
    "iso8859_6": gettext_lazy("Arabic, ISO 8859-6"),
    "iso8859_7": gettext_lazy("Greek, ISO 8859-7"),
    "koi8_u": gettext_lazy("Cyrillic, KOI8"),
    "euc_jis_2004": gettext_lazy("Japanese, EUC-JP"),
    "iso2022_jp_ext": gettext_lazy("Japanese, ISO-2022-JP"),
    "iso2022_kr": gettext_lazy("Korean, ISO-2022-KR"),
    "hz": gettext_lazy("Chinese, HZ"),
}
# The unpacked size up to which a workbook is read.
MAX_UNPACKED = 50 * 2**20

_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_BETWEEN_WORDS = re.compile(r"[\s;,|\"]+")
# A currency, a fraction or a control character beside a letter: no word, but another one read wrongly.
_SIGN_IN_A_WORD = re.compile("[^\\W\\d_][¢£¤¥¦§©¬®°±¶µ¹²³¼½¾×÷\x80-\x9f]|[¢£¤¥¦§©¬®±¶µ¹²³¼½¾×÷\x80-\x9f][^\\W\\d_]")

# The first words of the names of letters.
_OF_JAPANESE = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH"}

# So many letters must be right for each byte that is not, before a text counts as a damaged one in UTF-8.
_RIGHT_FOR_A_WRONG = 4
# Encodings of ASCII alone, with the sign that begins other letters. UTF-7 has none: `+12025550` may be a telephone.
_SEVEN_BITS = {"iso2022_kr": b"\x1b$)C", "iso2022_jp_ext": b"\x1b$", "hz": b"~{"}

# A list may begin with the letters of a short signature, as one of runs about BMW does.
_PACKED = re.compile(rb"\x1f\x8b|7z\xbc\xaf|Rar!\x1a|BZh\d1AY|\xfd7zXZ|\x28\xb5\x2f\xfd", re.DOTALL)
_IMAGES = re.compile(
    rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|II\*\x00|MM\x00\*|BM.{4}\x00{4}|.{4}ftyp(?:heic|avif|mif1)",
    re.DOTALL,
)
_MEDIA = re.compile(rb"RIFF....(?:WAVE|AVI )|.{4}ftyp|ID3|OggS|fLaC|\x1aE\xdf\xa3", re.DOTALL)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"


class UnreadableFileError(Exception):
    """The file holds no text and no table. The message is a sentence for users."""


@dataclass(frozen=True)
class ReadFile:
    """A file's text; the table of a workbook is text with tabs."""

    text: str
    encoding: str = ""
    """The key in ENCODINGS by which the text was read; empty for a workbook."""
    is_certain: bool = True
    """Whether the encoding is certain, as it is for UTF-8."""
    sheets: Sequence[str] = ()
    """The names of a workbook's sheets."""
    sheet: str = ""
    digest: str = ""


def digest(raw: bytes) -> str:
    """Return what tells this file from others."""
    return sha256(raw).hexdigest()[:16]


def read(raw: bytes, *, encoding: str = "", sheet: str = "") -> ReadFile:
    """Return the text of a file, read by its own signs, or by the encoding or the sheet that a person has chosen.

    Raises UnreadableFileError for a file of another kind.
    """
    if raw.startswith((b"PK\x03\x04", _OLD_OFFICE)):
        return replace(_workbook(raw, sheet), digest=digest(raw))
    if kind := _kind(raw):
        raise UnreadableFileError(
            _("%(kind)s holds no list of ids. Save the list as CSV or as an Excel workbook, or paste the ids.")
            % {"kind": kind}
        )
    return replace(_text(raw, encoding), digest=digest(raw))


def _kind(raw: bytes) -> str:
    if raw.startswith(b"%PDF"):
        return _("A PDF")
    if raw.startswith(b"{\\rtf"):
        return _("A text document")
    if _IMAGES.match(raw):
        return _("An image")
    if _MEDIA.match(raw) and b"\x00" in raw[:1000]:
        return _("A video or a sound")
    if _PACKED.match(raw) or raw[257:262] == b"ustar":
        return _("An archive")
    return ""


# --- Text ---------------------------------------------------------------------------------------------


def _text(raw: bytes, encoding: str) -> ReadFile:
    if encoding in ENCODINGS and encoding != "utf_8":
        return ReadFile(raw.decode(encoding, errors="replace").removeprefix("\ufeff"), encoding, is_certain=False)
    for wide in ("utf_32", "utf_16"):  # the mark of UTF-32 begins as that of UTF-16
        if found := _byte_order(raw, wide):
            return ReadFile(raw.decode(found, errors="replace").removeprefix("\ufeff"), wide)
    if raw.isascii() and (found := _seven_bits(raw)):
        return ReadFile(raw.decode(found, errors="replace"), found, is_certain=False)
    try:
        return ReadFile(raw.decode("utf-8-sig"), "utf_8")
    except UnicodeDecodeError:
        pass
    text = raw.decode("utf-8-sig", errors="replace")
    wrong = text.count("\ufffd")
    if encoding == "utf_8" or sum(map(len, _NOT_ASCII.findall(text))) > (_RIGHT_FOR_A_WRONG + 1) * wrong:
        return ReadFile(text, "utf_8", is_certain=False)
    if b"\x00" in raw:
        raise UnreadableFileError(_("This file holds neither text nor a table. Send a CSV, or an Excel workbook."))
    guess = _guess(raw)
    return ReadFile(raw.decode(guess, errors="replace"), guess, is_certain=False)


def _byte_order(raw: bytes, encoding: str) -> str:
    """Return UTF-16 or UTF-32 with the order of its bytes, by the mark at the beginning or by the zeros; else "".

    Without a mark, UTF-16 has a zero in every ASCII character, and UTF-32 two in the same places of every letter.
    """
    sample = raw[:4000]
    for order, step in ((f"{encoding}_le", -1), (f"{encoding}_be", 1)):
        if raw.startswith("\ufeff".encode(order)):
            return order
        if encoding == "utf_32":
            zeros = sample[::4] + sample[1::4] if step == 1 else sample[2::4] + sample[3::4]
            is_wide = len(raw) % 4 == 0 and len(raw) > 4 and not any(zeros)
        else:
            zeros = sample[::2] if step == 1 else sample[1::2]
            is_wide = len(zeros) > 1 and zeros.count(0) > 0.2 * len(zeros) and sample.count(0) == zeros.count(0)
        if is_wide:
            return order
    return ""


def _seven_bits(raw: bytes) -> str:
    """Return the encoding of ASCII alone in which the text has other letters too; else ""."""
    for encoding, sign in _SEVEN_BITS.items():
        if sign in raw:
            with suppress(UnicodeDecodeError):
                return encoding if not raw.decode(encoding).isascii() else ""
    return ""


def _guess(raw: bytes) -> str:
    """Return the encoding that the detector finds likeliest, of those in which the words make most sense."""
    legacy = [name for name in ENCODINGS if name not in _SEVEN_BITS and not name.startswith("utf")]
    found = chardet.detect_all(raw, ignore_threshold=True, include_encodings=legacy, compat_names=False)
    likely = {_known(str(each["encoding"])): each["confidence"] for each in found if each["encoding"]}
    # Where two are about as likely, it is the one that most spreadsheets of the world write.
    likely["cp1252"] = 1.3 * likely.get("cp1252", 0)
    likely["euc_jis_2004"] = 0.5 * likely.get("euc_jis_2004", 0)
    return min(likely, key=lambda name: (_oddities(raw, name), -likely[name]))


def _known(name: str) -> str:
    return next((known for known in ENCODINGS if codecs.lookup(known) == codecs.lookup(name)), "cp1252")


def _oddities(raw: bytes, encoding: str) -> int:
    """Return how many words of the text mix alphabets or have signs within them, read by this encoding."""
    text = raw.decode(encoding, errors="replace")
    return sum(_is_odd(word) for word in set(_BETWEEN_WORDS.split(text))) + 5 * text.count("\ufffd")


def _is_odd(word: str) -> bool:
    if word.isascii():
        return False
    letters = [letter for letter in word if letter.isalpha()]
    scripts = {unicodedata.name(letter, "?").split()[0] for letter in letters} - {
        "MODIFIER",
        "FEMININE",
        "MASCULINE",
    }
    is_mixed = len(scripts) > 1 and not scripts <= _OF_JAPANESE
    return is_mixed or bool(_SIGN_IN_A_WORD.search(word))


# --- Workbooks ----------------------------------------------------------------------------------------


def _workbook(raw: bytes, sheet: str) -> ReadFile:
    if raw.startswith(b"PK"):
        _check_package(raw)
    try:
        # One character more than may be added, so that a longer sheet is refused for its size.
        found = workbooks.read(raw, sheet, limits.MAX_BYTES + 1)
    except workbooks.UnreadableWorkbookError as error:
        raise UnreadableFileError(
            _("This workbook cannot be opened. Save the sheet with the ids as CSV, without a password.")
        ) from error
    return ReadFile(found.text, sheets=found.sheets, sheet=found.sheet)


def _check_package(raw: bytes) -> None:
    """Raise UnreadableFileError unless the ZIP archive is a workbook that is not too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as package:
            members = package.infolist()
    except (zipfile.BadZipFile, ValueError) as error:
        raise UnreadableFileError(_("This file is damaged. Save it again, then send the new file.")) from error
    names = {member.filename for member in members}
    if "word/document.xml" in names:
        kind = _("A text document")
    elif names & {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}:
        if sum(member.file_size for member in members) > MAX_UNPACKED:
            raise UnreadableFileError(_("This workbook is too large. Save the sheet with the ids as CSV."))
        return
    else:
        kind = _("An archive")
    raise UnreadableFileError(
        _("%(kind)s holds no list of ids. Save the list as CSV or as an Excel workbook, or paste the ids.")
        % {"kind": kind}
    )
