"""Marks (highlights) a query's terms in a text, as the analyzer reads both."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial

from results.search.analyzer import (
    BIGRAM_LETTERS,
    JOINING,
    MAX_TERM,
    MAX_TEXT,
    Phrase,
    Token,
    bigrams,
    end_of,
    other_spellings,
    prepare,
    respelled,
    tokens,
    with_signs,
)
from results.search.clusters import CLUSTER, MARKS, align
from results.search.proclitics import without_proclitics
from results.transcripts.letters import OTHER_LETTERS, fold

_BIGRAMS_ONLY = re.compile(f"[{BIGRAM_LETTERS}]+")
_SPACED_DIGITS = re.compile(r"\d\W* \W*\d")
# What makes more words of an ASCII text than its letters and digits that touch: signs that join or are part of
# words, and "no" before a number.
_MORE_WORDS = re.compile(rf"[#+]|[{JOINING}](?=[a-z0-9])|no(?=[0-9])")
_LONG_WORD = re.compile(rf"[a-z0-9]{{{MAX_TERM + 1}}}")
_RAW_CLUSTERS = re.compile(rf"[^\W_][^\W_{MARKS}]*(?:[{MARKS}][^\W_]*)*")


Spans = list[tuple[int, int]]


def mark(text: str, phrases: Iterable[Phrase]) -> Spans:
    """Return (start, end) of each place in the text where a phrase stands.

    The places ascend, do not touch each other, and never cut a character from its marks.
    """
    return marker(phrases)(text)


def marker(phrases: Iterable[Phrase]) -> Callable[[str], Spans]:
    """Return the function that does what `mark` does, for many texts."""
    phrases = tuple(phrases)
    if not phrases:
        return lambda _text: []
    if letters := _letters(phrases):
        return partial(_mark_letters, letters=letters)
    if any(len(terms) > 1 for terms, _ in phrases):
        return partial(_mark_phrases, phrases=phrases, patterns=_ascii_phrases(phrases))
    return partial(_mark_words, phrases=phrases, pattern=_ascii_pattern(phrases))


def _ascii_pattern(phrases: Iterable[Phrase]) -> re.Pattern[str]:
    """Return the expression that finds phrases of one word among the letters and digits of an ASCII text."""
    words = [(term, "" if is_prefix else "(?![a-z0-9])") for (term,), is_prefix in phrases]
    ascii_words = [(term, end) for term, end in words if term.isascii() and term.isalnum()]
    # Of two that begin at one place, the longer one is marked.
    ascii_words.sort(key=lambda word: -len(word[0]))
    alternatives = "|".join(f"{term}{end}" for term, end in ascii_words)
    return re.compile(f"(?<![a-z0-9])(?:{alternatives})" if alternatives else "(?!)")


def _ascii_phrases(phrases: Iterable[Phrase]) -> list[re.Pattern[str]]:
    """Return an expression for each phrase, which finds it at any place of an ASCII text where it begins."""
    rows = [("[^a-z0-9]+".join(terms), is_prefix) for terms, is_prefix in phrases if "".join(terms).isalnum()]
    ends = {True: "", False: "(?![a-z0-9])"}
    return [re.compile(f"(?<![a-z0-9])(?=({row}{ends[is_prefix]}))") for row, is_prefix in rows if row.isascii()]


def _mark_phrases(text: str, phrases: tuple[Phrase, ...], patterns: Iterable[re.Pattern[str]]) -> Spans:
    """Mark phrases of one or several words; `patterns` are their `_ascii_phrases`."""
    if text.isascii():
        lowered = text.lower()
        if _is_plain(lowered):
            return _merged([match.span(1) for pattern in patterns for match in pattern.finditer(lowered)])
    return list(_mark(text, phrases))


def _is_plain(lowered: str) -> bool:
    """Tell whether the words of an ASCII text are its letters and digits that touch."""
    return not (_MORE_WORDS.search(lowered) or _SPACED_DIGITS.search(lowered) or _LONG_WORD.search(lowered))


def _mark_words(text: str, phrases: tuple[Phrase, ...], pattern: re.Pattern[str]) -> Spans:
    """Mark phrases of one word each; `pattern` is their `_ascii_pattern`."""
    if text.isascii():
        lowered = text.lower()
        if _is_plain(lowered):
            return [match.span() for match in pattern.finditer(lowered)]
    if _may_have_spaced_number(text):
        return list(_mark(text, phrases))
    # No term goes over a space, and the words of a transcript are much the same from line to line.
    spans, at = [], 0
    for word in text.split(" "):
        # Remembering long ones, such as lines of Chinese, would take memory and hardly serve again.
        if found := _mark_word(word, phrases) if len(word) <= MAX_TERM else _mark(word, phrases):
            spans += [(at + start, at + end) for start, end in found]
        at += len(word) + 1
    return spans


@lru_cache(maxsize=1024)
def _letters(phrases: tuple[Phrase, ...]) -> tuple[str, ...]:
    """Return the letters that each phrase stands for, if bigrams of them are all it has; else nothing.

    A phrase of bigrams that overlap is found wherever its letters stand in a row.
    """
    letters = []
    for terms, is_prefix in phrases:
        row = terms[0] + "".join(term[-1] for term in terms[1:])
        if not _BIGRAMS_ONLY.fullmatch(row) or (len(row) == 1 and not is_prefix):
            return ()
        if len(row) > 1 and terms != tuple(bigrams(row)[:-1]):
            return ()
        letters.append(row)
    return tuple(letters)


def _mark_letters(text: str, letters: Iterable[str]) -> list[tuple[int, int]]:
    """Do what `_mark` does for phrases that are letters in a row: a transcript of these scripts has no words."""
    folded, starts, ends = _align(text)
    spans = []
    for row in letters:
        at = folded.find(row)
        while at >= 0:
            spans.append((starts[at], ends[at + len(row) - 1]))
            at = folded.find(row, at + 1)
    return _merged(spans)


def _may_have_spaced_number(text: str) -> bool:
    return _SPACED_DIGITS.search(text if text.isascii() else unicodedata.normalize("NFKC", text)) is not None


@lru_cache(maxsize=20_000)
def _mark_word(word: str, phrases: tuple[Phrase, ...]) -> tuple[tuple[int, int], ...]:
    return _mark(word, phrases)


def _mark(text: str, phrases: tuple[Phrase, ...]) -> tuple[tuple[int, int], ...]:
    folded, starts, ends = _align(text)
    words, joined, bare = tokens(folded)
    groups = [words, *([extra] for extra in (*joined, *bare, *with_signs(folded)))]
    spans = [
        (starts[start], ends[end - 1])
        for phrase in phrases
        for tokens in groups
        for start, end in _positions(phrase, tokens, folded)
    ]
    if not OTHER_LETTERS.isdisjoint(unicodedata.normalize("NFKC", text)):
        spans += _other_spans(text, phrases)
    return tuple(_merged(spans))


def _align(text: str) -> tuple[str, Sequence[int], Sequence[int]]:
    folded, starts, ends = align(prepare(text))
    return folded[:MAX_TEXT], starts, ends


def _merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return these spans in order, those that touch each other as one."""
    if len(spans) < 2:
        return spans
    spans.sort()
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _other_spans(text: str, phrases: Iterable[Phrase]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each word of the text that a phrase has in its other spelling."""
    # The letters of a word in its clusters: NFKC would move them.
    for word in _RAW_CLUSTERS.finditer(prepare(text)):
        if not (found := other_spellings(word[0])):
            continue
        found += [term for spelled in found for term in without_proclitics(spelled)]
        for terms, is_prefix in phrases:
            wanted = terms[0] if len(terms) == 1 else ""
            matching = [spelled == wanted or (is_prefix and spelled.startswith(wanted)) for spelled in found]
            if matching[0] and wanted:
                yield word.start(), word.start() + _end_in_other_spelling(word[0], len(wanted))
            elif any(matching) and wanted:
                # A mark that is no part of words stands within: which letters these are is not known.
                yield word.span()


def _end_in_other_spelling(word: str, letters: int) -> int:
    """Return where the first letters of the word's other spelling end in the word."""
    for cluster in CLUSTER.finditer(word):
        letters -= len(fold(respelled(cluster[0])))
        if letters <= 0:
            return cluster.end()
    return len(word)


def _positions(phrase: Phrase, tokens: Sequence[Token], folded: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) in the folded text wherever the phrase's terms stand side by side among the tokens."""
    *before, last = phrase.terms
    for position in range(len(before), len(tokens)):
        token = tokens[position]
        if token.term.startswith(last) if phrase.is_prefix else token.term == last:
            first = position - len(before)
            if all(tokens[first + step].term == term for step, term in enumerate(before)):
                yield tokens[first].start, end_of(folded, token, len(last))
