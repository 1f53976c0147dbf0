"""File names for downloads that every operating system accepts, in any script."""

import re
import unicodedata
from itertools import count

from results.models import Run

# The characters that at least one operating system rejects in a name.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
# The categories of control characters, line separators and direction marks. Direction marks could hide a name's
# extension. Joiners are invisible too, but words and emoji need them.
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"
# Windows opens a device under these names, whatever follows the first dot.
_DEVICE = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(?=\.|$)", re.IGNORECASE)


def stem(run: Run, *languages: str) -> str:
    """Return a readable file name without an extension: `Kitchen stories [1042].es-es`.

    Players find captions by the language after the dot. With each extension that Dubroom adds, the name stays below
    the limit of 255 bytes.
    """
    title, number = _clean(run.title, 100), _clean(str(run.camb_run_id or run.camb_task_id), 40)
    name = f"{title} [{number}]" if title else _clean(run.camb_name, 60)
    suffix = "+".join(filter(None, (_clean(language, 40) for language in languages)))
    return _DEVICE.sub(r"\1_", f"{name}.{suffix}" if suffix else name)


def _clean(text: str, max_bytes: int) -> str:
    """Return the text as part of a file name, in at most `max_bytes` of UTF-8, without dots and dashes at its ends.

    A leading dot would hide the file, and a command would read a leading dash as an option.
    """
    composed = unicodedata.normalize("NFC", _FORBIDDEN.sub(" ", text))
    visible = "".join(" " if unicodedata.category(c) in _INVISIBLE and c not in _JOINERS else c for c in composed)
    cut = " ".join(visible.split()).lstrip(" .-~").encode()[:max_bytes].decode(errors="ignore")
    return cut.rstrip(" .-" + _JOINERS)


def unique(stem: str, extension: str, taken: set[str]) -> str:
    """Return a file name that is not in `taken`, and add its case-folded form to `taken`.

    No two names are equal on a file system that ignores case.
    """
    for number in count(1):
        name = f"{stem} ({number}).{extension}" if number > 1 else f"{stem}.{extension}"
        if (folded := name.casefold()) not in taken:
            taken.add(folded)
            return name
    raise AssertionError("numbers do not end")
