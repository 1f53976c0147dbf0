"""Names, tags and writing directions of languages."""

import pytest
from django.utils import translation

from results.transcripts import languages


@pytest.mark.parametrize(
    ("key", "tag"),
    [
        ("es-es", "es-es"),
        ("ES_es", "es-es"),
        (" pt-BR ", "pt-br"),
        ("54", "es-es"),
        ("139", "zh-cn"),
        ("9999", "9999"),
        ("007", "7"),
        ("", ""),
        ("x" * 90, "x" * 35),
        ("9" * 5000, "9" * 18),
    ],
)
def test_camb_ai_key_becomes_a_tag(key, tag):
    assert languages.tag_for(key) == tag


def test_fetched_numbers_take_precedence_over_documented_ones():
    assert languages.tag_for("54", {54: "es-mx"}) == "es-mx"
    assert languages.tag_for("4", {4: "ar-ae"}) == "ar-ae"


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("es-es", "Spanish (Spain)"),
        ("en", "English"),
        ("zh-cn", "Chinese (China)"),
        ("sr-latn-rs", "Serbian (Latin, Serbia)"),
        ("es-419", "Spanish (Latin America)"),
        ("no-no", "Norwegian (Norway)"),
        ("fil-ph", "Filipino (Philippines)"),
        ("iw-il", "Hebrew (Israel)"),
        ("de-de-formal", "German (Germany, formal)"),
        ("9999", "Language 9999"),
        ("klingonese", "klingonese"),
        ("", ""),
        ("<b>", "<b>"),
    ],
)
def test_tag_has_a_name(tag, name):
    assert languages.name(tag) == name


def test_name_is_in_the_users_language():
    with translation.override("de"):
        assert languages.name("es-es") == "Spanisch (Spanien)"
    assert languages.name("es-es") == "Spanish (Spain)"


@pytest.mark.parametrize(
    ("tag", "lang"),
    [("es-es", "es-es"), ("zh-hant-tw", "zh-hant-tw"), ("iw-il", "iw-il")]
    + [(tag, "und") for tag in ("", "9999", "klingonese", 'en"onload', "-", "en-", "en--us", "123-en")],
)
def test_lang_attribute_holds_only_known_languages(tag, lang):
    assert languages.html_tag(tag) == lang


@pytest.mark.parametrize(
    ("tag", "direction"),
    [
        ("ar-ae", "rtl"),
        ("he-il", "rtl"),
        ("ur-pk", "rtl"),
        ("en-us", "ltr"),
        ("ja", "ltr"),
        ("", "ltr"),
        ("9999", "ltr"),
    ],
)
def test_language_has_a_writing_direction(tag, direction):
    assert languages.direction(tag) == direction


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("Japanese", ["ja"]),
        ("spanish", ["es"]),
        ("Brazilian Portuguese", ["pt-br"]),
        ("japa", ["ja"]),
        ("jap", []),
        ("ja", []),
        ("pt-br", []),
        ("ga", []),
        ("no such", []),
        ("", []),
    ],
)
def test_language_is_found_by_its_name(name, tags):
    assert languages.tags_named(name) == tags


def test_language_is_found_by_its_name_in_the_users_language():
    with translation.override("de"):
        assert [languages.tags_named(name) for name in ("Japanisch", "japanese")] == [["ja"], ["ja"]]
