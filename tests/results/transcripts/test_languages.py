"""Names, tags and writing directions of languages."""

import pytest
from django.utils import translation

from demo import samples
from results.transcripts import languages

# Tags of languages by their direction: ISO 639-1, -2 and -3, with and without territory or script.
RTL = (
    "ar ar-xa arz arz-eg ary ary-ma prs prs-af azb azb-ir az-arab az-ir bqi glk arc ku-arab ku-iq ku-ir pnb pnb-pk "
    "ckb ckb-iq sd sd-pk snd ug ug-cn uig dv div nqo yi ji ydd he iw heb iw-il syr aii ps pus ur urd ur-in fa pes "
    "per fa-af apc ajp acm aeb afb ars arq shu arb mzn lrc sdh lki bal brh skr hno lah ks kas pa-arab pa-pk "
    "ha-arab ff-adlm ff-adlm-gn rhg man-nkoo ms-arab tg-af tk-ir uz-arab uz-af kk-arab kk-cn ky-cn bgn haz jrb lad "
    "sam myz swb khw trw bej und-arab ar-u-nu-latn ar-eg-x-latn en-hebr ota hbo"
)
LTR = (
    "ar-latn az az-latn az-az ku ku-tr ku-latn ku-latn-iq kmr uz uz-latn uz-uz tg tk sd-deva ks-deva pa pa-in ha "
    "he-latn fa-latn yi-latn ur-deva ff ms id hi am ti ka hy el zh-cn ja ko th mt sw so tr es-419 sr-latn-rs "
    "und-latn kk kk-kz ky ug-cyrl fa-cyrl tmh en-x-arab"
)


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
        ("spa", "es"),
        ("jpn", "ja"),
        ("deu", "de"),
        ("iw-il", "he-il"),
        ("en-UK", "en-gb"),
        ("jp-JP", "ja-jp"),
        ("cn_cn", "zh-cn"),
        ("kr-ng", "kr-ng"),
        ("54.0", "es-es"),
        ("7.0", "7"),
        ("es_ES.UTF-8", "es-es"),
        ("sr_RS@latin", "sr-latn-rs"),
        ("sr@latin", "sr-latn"),
        ("sr_RS.UTF-8@latin", "sr-latn-rs"),
        ("uz_UZ@cyrillic", "uz-cyrl-uz"),
        ("ks_IN.utf8@devanagari", "ks-deva-in"),
        ("ca_ES@valencia", "ca-es-valencia"),
        ("de_DE@euro", "de-de"),
        ("de_DE.ISO8859-1", "de-de"),
        ("it@work", "it@work"),
        ("Español", "es"),
        ("Spanish – Spain", "es-es"),
        ("zh-cn-gx", "zh-cn-gx"),
        ("version_1", "version-1"),
    ],
)
def test_camb_ai_key_becomes_a_tag(key, tag):
    assert languages.tag_for(key) == tag


def test_fetched_numbers_take_precedence_over_documented_ones():
    assert languages.tag_for("54", {54: "es-mx"}) == "es-mx"
    assert languages.tag_for("4", {4: "ar-ae"}) == "ar-ae"
    assert languages.read("4.0", {4: "ar-ae"}) == "ar-ae"


@pytest.mark.parametrize(
    ("given", "tag"), [("iw-IL", "he-il"), ("en_UK", "en-gb"), ("spa", "es"), ("xx-odd", "xx-odd")]
)
def test_a_fetched_tag_is_brought_into_its_present_form(given, tag):
    assert (languages.tag_for("4", {4: given}), languages.read("4", {4: given})) == (tag, tag)


@pytest.mark.parametrize("key", ["54", "54.0", "es_es", "Spanish (Spain)", "jpn", "en-uk", "iw", "sr@latin"])
def test_a_key_and_what_a_person_writes_are_read_alike(key):
    assert languages.tag_for(key) == languages.read(key)


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
    [(tag, tag) for tag in ("es-es", "zh-hant-tw", "iw-il", "prs-af", "pnb", "azb", "bqi", "arq", "shu")]
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
        *((tag, "rtl") for tag in RTL.split()),
        *((tag, "ltr") for tag in LTR.split()),
    ],
)
def test_language_has_the_direction_of_its_script(tag, direction):
    assert languages.direction(tag) == direction


@pytest.mark.parametrize("tag", ["", "9999", "klingonese", "und", "x-secret"])
@pytest.mark.parametrize(
    ("text", "direction"),
    [
        ("OK, قال إن السفينة وصلت", "rtl"),
        ("He said שלום, and left", "ltr"),
        ("ܫܠܡܐ", "rtl"),
        ("𞤀𞤣𞤤𞤢𞤥", "rtl"),
        ("123 – 456 %", "ltr"),
    ],
)
def test_letters_decide_where_the_language_is_unknown(tag, text, direction):
    assert languages.direction(tag, text) == direction


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Night shift", "“Night shift”"),
        ("مرحبا!", "“\u2068مرحبا!\u2069”"),
        ('EP01 "שלום', '“\u2068EP01 "שלום\u2069”'),
        ("第一話", "“第一話”"),
    ],
)
def test_a_quotation_from_right_to_left_is_isolated_from_its_sentence(text, shown):
    assert languages.quoted(text) == shown


def test_letters_decide_nothing_where_the_language_is_known():
    assert [languages.direction("ar-xa", "OK"), languages.direction("en", "שלום")] == ["rtl", "ltr"]


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
        ("deutsch", ["de"]),
        ("Deut", ["de"]),
        ("日本語", ["ja"]),
        ("日本", ["ja"]),
        ("farsi", ["fa"]),
        ("mandarin", ["zh"]),
        ("norwegian", ["no", "nb", "nn"]),
        ("norsk", ["no", "nb", "nn"]),
        ("Spanish (Mexico)", ["es-mx"]),
        ("jpn", ["jpn", "ja"]),
        ("iw-il", ["iw-il", "he-il"]),
        ("zh-hans", ["zh-hans", "zh-cn", "zh-sg"]),
        ("简体中文", ["zh-hans", "zh-cn", "zh-sg"]),
        ("Traditional Chinese", ["zh-hant", "zh-tw", "zh-hk", "zh-mo"]),
        ("Chinese", ["zh", "yue", "zh-hk"]),
        ("Cantonese", ["yue", "zh-hk"]),
        ("Egyptian Arabic", ["arz", "ar-eg"]),
        ("Moroccan Arabic", ["ary", "ar-ma"]),
        ("Swiss German", ["gsw", "de-ch"]),
        ("Kurdish", ["ku", "ckb"]),
        ("हिंदी", ["hi"]),
        ("zh", []),
    ],
)
def test_language_is_found_by_its_name(name, tags):
    assert languages.tags_named(name) == tags


def test_language_is_found_by_its_name_in_the_users_language():
    with translation.override("de"):
        assert [languages.tags_named(name) for name in ("Japanisch", "japanese")] == [["ja"], ["ja"]]


@pytest.mark.parametrize(
    ("tag", "texts"),
    [
        ("es", "es ES spa Spanish spanish español ESPAÑOL espanol castellano sp"),
        ("es-es", "es-ES es_es 54 | Spanish (Spain) | español de España | castilian"),
        ("es-mx", "es-MX | Mexican Spanish | Spanish MX | Spanish - Mexico | español (México)"),
        ("es-419", "es-419 es-LA es-latam | latam spanish | Latin American Spanish | Spanish (Latin America)"),
        ("pt-br", "pt_BR 111 | Brazilian Portuguese | Portuguese (Brazilian) | português do Brasil"),
        ("de", "de deu ger German Deutsch"),
        ("ja", "ja jpn jp Japanese 日本語"),
        ("zh", "zh zho chi cmn Chinese Mandarin 中文"),
        (
            "zh-hans",
            "zh-Hans | chinese simplified | Simplified Chinese | Chinese (Simplified) | 中文（简体） | 简体中文",
        ),
        ("zh-hant", "zh-Hant | chinese traditional | 繁體中文"),
        ("zh-hans-cn", "zh-Hans-CN cmn-Hans-CN | Chinese (Simplified, China)"),
        ("yue", "yue cantonese 粵語 | Chinese (Cantonese)"),
        ("ar", "ar ara Arabic العربية"),
        ("fa", "fa per fas Persian farsi فارسی"),
        ("no", "no nor Norwegian norsk"),
        ("nb", "nb | Norwegian Bokmål | Norwegian (Bokmål) | norsk bokmål"),
        ("fil", "fil tl Filipino Tagalog"),
        ("en-gb", "en-GB en-UK | English (UK) | UK English | English (United Kingdom)"),
        ("sr-latn-rs", "sr-Latn-RS | Serbian (Latin, Serbia)"),
        ("hi", "hi hin Hindi हिन्दी"),
        ("id", "id in ind Indonesian | Bahasa Indonesia"),
        ("he-il", "iw-IL he_IL"),
        ("ga", "ga gle Irish"),
        ("", "Klingonish 9999 es-xx und zxx n/a tbd none vo - ? | Spanish, French | Unknown language"),
    ],
)
def test_a_language_is_read_as_people_write_it(tag, texts):
    first, *rest = texts.split("|")
    for text in (*first.split(), *map(str.strip, rest)):
        assert languages.read(text) == tag, text
    assert languages.read("") == languages.read(" ") == ""


def test_a_language_is_read_by_its_name_in_the_users_language_and_by_fetched_numbers():
    assert languages.read("Japanisch") == ""
    with translation.override("de"):
        assert [languages.read(text) for text in ("Japanisch", "Japanese")] == ["ja", "ja"]
        assert languages.read("Spanisch (Mexiko)") == "es-mx"
    assert [languages.read("54", {54: "es-mx"}), languages.read("9999", {9999: "ga-ie"})] == ["es-mx", "ga-ie"]


def test_every_language_of_camb_ai_is_read_by_its_tag_and_most_by_their_names():
    listed = [(each["language"], each["short_name"]) for each in samples.LANGUAGES]
    assert [tag for _name, tag in listed if not languages.read(tag)] == []
    assert {name for name, _tag in listed if not languages.read(name)} == {
        f"Chinese ({province}, China)" for province in ("Henan", "Liaoning", "Shaanxi", "Shandong", "Sichuan")
    }
