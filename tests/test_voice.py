"""What a person reads is translated, and uses no word that docs/voice.md rules out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NEVER = (ROOT / "docs" / "voice.md").read_text().partition("reads this list:")[2].strip(" .\n")
WORDS = [" ".join(word.split()) for word in NEVER.split(",")]
TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
MODULES = sorted(
    path for folder in ("dashboard", "results", "teams") for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
)  # fmt: skip
COMMENT = re.compile(r"{#.*?#}|{% comment %}.*?{% endcomment %}", re.DOTALL)
FOUND = re.compile(rf"\b({'|'.join(map(re.escape, WORDS))})\b", re.IGNORECASE)
SENTENCE = re.compile(r"[A-Z{“].* .*[.”]", re.DOTALL)
# The names by which `manage.py makemessages` finds what is translated.
TRANSLATING = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy"}
# For administrators and scripts: docs/voice.md, "Translation".
ENGLISH = (
    "dashboard/api", "dashboard/embedded", "dashboard/http", "dashboard/management", "dashboard/settings",
    "dashboard/views/health.py", "results/db", "results/media/copy_storage.py",
)  # fmt: skip
ENGLISH_CALLS = {
    "CommandError", "DisallowedHost", "Http404", "ImproperlyConfigured", "MailboxError", "NotImplementedError",
    "ValueError",
}  # fmt: skip


def test_the_list_of_words_is_read():
    assert {"somebody", "click here", "in order to"} <= set(WORDS)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_uses_no_word_that_is_ruled_out(path):
    assert FOUND.findall(COMMENT.sub("", path.read_text())) == []


def test_no_translated_sentence_of_the_code_uses_a_word_that_is_ruled_out():
    sentences = [(path.name, text) for path in MODULES for text, is_translated in texts_of(path) if is_translated]
    assert len(sentences) > 800
    assert [(name, sentence) for name, sentence in sentences if FOUND.search(sentence)] == []


def test_every_sentence_for_people_is_translated():
    for path in MODULES:
        if not str(path.relative_to(ROOT)).startswith(ENGLISH):
            bare = [
                text for text, is_translated in texts_of(path) if not is_translated and SENTENCE.fullmatch(text)
            ]
            assert bare == [], path


def texts_of(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the strings of a module, and whether each is translated; none of docstrings and of the log."""
    yield from _texts_in(ast.parse(path.read_text()), is_translated=False)


def _texts_in(node: ast.AST, *, is_translated: bool) -> Iterator[tuple[str, bool]]:
    match node:
        case ast.Expr(value=ast.Constant()):
            return
        case ast.Call(func=ast.Attribute(value=ast.Name(id="logger"))):
            return
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            if name in ENGLISH_CALLS:
                return
            is_translated = name in TRANSLATING
        case ast.Constant(value=str(text)):
            yield text, is_translated
        case ast.JoinedStr(values=values):
            parts = (part.value if isinstance(part, ast.Constant) else "{}" for part in values)
            yield "".join(map(str, parts)), is_translated
    for child in ast.iter_child_nodes(node):
        yield from _texts_in(child, is_translated=is_translated)
