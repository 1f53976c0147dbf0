"""What is a file called, in any script and on any system?"""

import re
import unicodedata
from itertools import count

from results.models import Run

# What some system refuses in a name.
_FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
# Controls, line separators and what turns the direction of writing, by which a name could hide its extension.
# Joiners are invisible too, but words and emoji need them.
_INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINERS = "\u200c\u200d"
# Windows opens a device under these names, whatever follows the first dot.
_DEVICE = re.compile(r"^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(?=\.|$)", re.IGNORECASE)


def stem(run: Run, *languages: str) -> str:
    """Return a readable name without its extension: `Kitchen stories [1042].es-es`, as players look for captions.

    With any extension of ours it stays below the 255 bytes that systems take.
    """
    title, number = _clean(run.title, 100), _clean(str(run.camb_run_id or run.camb_task_id), 40)
    name = f"{title} [{number}]" if title else _clean(run.camb_name, 60)
    spoken = "+".join(filter(None, (_clean(language, 40) for language in languages)))
    return _DEVICE.sub(r"\1_", f"{name}.{spoken}" if spoken else name)


def _clean(text: str, quota_bytes: int) -> str:
    """Return what may be part of a name; dots and dashes at its ends would hide it or be an option."""
    composed = unicodedata.normalize("NFC", _FORBIDDEN.sub(" ", text))
    visible = "".join(" " if unicodedata.category(c) in _INVISIBLE and c not in _JOINERS else c for c in composed)
    cut = " ".join(visible.split()).lstrip(" .-~").encode()[:quota_bytes].decode(errors="ignore")
    return cut.rstrip(" .-" + _JOINERS)


def unique(stem: str, extension: str, taken: set[str]) -> str:
    """Return the name of a file and note it as taken; no two are one to a system that takes no heed of case."""
    for number in count(1):
        name = f"{stem} ({number}).{extension}" if number > 1 else f"{stem}.{extension}"
        if (folded := name.casefold()) not in taken:
            taken.add(folded)
            return name
    raise AssertionError("numbers do not end")
