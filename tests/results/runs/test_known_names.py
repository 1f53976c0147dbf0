"""The file of names has those that Babel gives for today's languages and places.

`python -m tests.results.runs.test_known_names` writes it anew, for a new release of Babel or another language.
"""

from babel import Locale

from results.runs import source_names

HEAD = """\
# The names of languages, and after an empty line those of places, in each of the languages that media are dubbed
# into. From CLDR (https://cldr.unicode.org, Unicode License v3) by Babel, which is too large to load for them.
# `tests/results/runs/test_known_names.py` compares them and writes this file.
"""


def names_by_babel() -> tuple[set[str], set[str]]:
    locales = [Locale.parse(language) for language in source_names._LANGUAGES]
    spoken = {
        str(locale.languages[code])
        for locale in locales
        for code in source_names._LANGUAGES
        if code in locale.languages
    }
    places = {
        str(locale.territories[code])
        for locale in locales
        for code in source_names._TERRITORIES
        if code in locale.territories
    }
    return spoken, places


def test_the_known_names_are_those_of_babel():
    assert tuple(map(set, source_names.names_of_all())) == names_by_babel()


if __name__ == "__main__":
    sections = ("".join(f"{name}\n" for name in sorted(names)) for names in names_by_babel())
    source_names.NAMES_FILE.write_text(HEAD + "\n".join(sections), encoding="utf-8")
