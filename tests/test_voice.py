"""No string that a person reads uses a word that docs/voice.md rules out."""

import re
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
# A comment of a template, and what is not a string of a module: code and comments.
COMMENT = re.compile(r"{#.*?#}|{% comment %}.*?{% endcomment %}", re.DOTALL)
TRANSLATED = re.compile(r'\b(?:_|gettext|gettext_lazy|ngettext)\(\s*((?:"[^"]*"[\s,]*)+)', re.DOTALL)
FOUND = re.compile(rf"\b({'|'.join(map(re.escape, WORDS))})\b", re.IGNORECASE)


def test_the_list_of_words_is_read():
    assert {"somebody", "click here", "in order to"} <= set(WORDS)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_uses_no_word_that_is_ruled_out(path):
    assert FOUND.findall(COMMENT.sub("", path.read_text())) == []


def test_no_translated_sentence_of_the_code_uses_a_word_that_is_ruled_out():
    sentences = [(path.name, sentence) for path in MODULES for sentence in TRANSLATED.findall(path.read_text())]
    assert len(sentences) > 200
    # The names of the models' fields are written into migrations.
    ruled_out = [(name, sentence) for name, sentence in sentences if FOUND.search(sentence) and name != "models.py"]
    assert ruled_out == []
