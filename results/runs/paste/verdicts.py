"""What pasted text is made of: each token with its verdict."""

from dataclasses import dataclass, replace
from enum import Enum

MAX_WRITTEN = 60


class Verdict(Enum):
    """The kind of a pasted token."""

    ID = "id"
    TASK = "task"
    REPEATED = "repeated"
    BAD_ID = "bad id"
    """In the column of the ids, and yet no id."""
    NOT_AN_ID = "not an id"
    """A number in running text, or a row without an id."""
    WORD = "word"


@dataclass(frozen=True)
class PastedId:
    """One token and its verdict. `note` tells the user how an id was read, or why the token is none."""

    written: str
    verdict: Verdict
    run_id: int = 0
    task_id: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""
    """The tag of the dub's language; empty if none is given."""
    unknown_language: str = ""
    """What is written for the dub's language, if Dubroom knows no language of that name."""
    source: str = ""
    """The name of the original, which other lines may share; empty if none is given."""
    note: str = ""

    @property
    def found(self) -> int | str:
        """The id of the run or task, or an empty string."""
        return self.run_id or self.task_id

    @property
    def is_read_otherwise(self) -> bool:
        """Whether the run id is written in another way, as in `007` or in a link."""
        return self.run_id > 0 and self.written != str(self.run_id)

    def with_language(self, tag: str) -> "PastedId":
        """Return the same line with this language, unless something is written for the language in the text."""
        return self if self.language or self.unknown_language else replace(self, language=tag)


def shorten(text: str) -> str:
    return text if len(text) <= MAX_WRITTEN else f"{text[: MAX_WRITTEN - 1]}…"
