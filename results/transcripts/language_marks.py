"""What tells languages apart: scripts, groups of close languages, and the words and letters of each in a group."""

from collections.abc import Mapping

MODEL_TAGS: Mapping[str, str] = {
    "no": "nb", "tl": "fil", "als": "gsw", "bh": "bho", "wuu": "zh", "cmn": "zh", "iw": "he", "in": "id", "ji":
    "yi", "jw": "jv", "mo": "ro", "cnr": "sr", "prs": "fa", "pes": "fa", "arz": "ar", "arb": "ar", "zsm": "ms",
    "swh": "sw", "nob": "nb", "nno": "nn", "azj": "az", "azb": "az", "pnb": "pa", "ekk": "et", "lvs": "lv",
    "npi": "ne",
}  # fmt: skip
"""Other tags, some of them the model's, and the tag that Dubroom uses."""

SCRIPTS: Mapping[str, tuple[str, ...]] = {
    "HIRAGANA": ("ja",), "KATAKANA": ("ja",), "HANGUL": ("ko",), "THAI": ("th",), "LAO": ("lo",), "KHMER": ("km",),
    "MYANMAR": ("my",), "GEORGIAN": ("ka",), "ARMENIAN": ("hy",), "GREEK": ("el",), "TAMIL": ("ta",),
    "TELUGU": ("te",), "KANNADA": ("kn",), "MALAYALAM": ("ml",), "GUJARATI": ("gu",), "GURMUKHI": ("pa",),
    "ORIYA": ("or",), "SINHALA": ("si",), "TIBETAN": ("bo",), "ETHIOPIC": ("am",), "THAANA": ("dv",),
    "BENGALI": ("bn", "as"), "HEBREW": ("he", "yi"), "CJK": ("zh", "yue"), "LATIN": (), "CYRILLIC": (),
    "DEVANAGARI": ("hi", "mr", "ne", "bho", "mai", "sa"),
    "ARABIC": ("ar", "fa", "ur", "ps", "ckb", "sd", "ug"),
}  # fmt: skip
"""The languages of each script, by the first word of its letters' names in Unicode; empty where there are many."""

CLOSE: tuple[tuple[str, str], ...] = (
    ("nb nn da sv", "Scandinavian: most short lines are the same but for spelling"),
    ("is fo", "Icelandic and Faroese share letters and many words"),
    ("hr sr bs sh sl", "standards of one language, and Slovene beside it"),
    ("mk bg", "standards of one continuum"),
    ("sr mk", "short lines in Cyrillic letters are often the same"),
    ("id ms jv su min", "Malay and its standards, with loans in Javanese and Sundanese"),
    ("cs sk", "mutually intelligible"),
    ("pt gl es ast an ca oc", "Iberian Romance: short lines are often the same"),
    ("fr oc wa frp pcd", "Gallo-Romance"),
    ("it scn nap vec lmo pms co eml sc", "Italian and the languages of Italy"),
    ("uk ru be rue", "East Slavic, and often mixed"),
    ("hi mr ne bho mai sa gom ur", "Devanagari with many shared words; Hindi and Urdu are spoken alike"),
    ("zh yue wuu hak nan lzh", "written Chinese is common to them"),
    ("ar fa ur ps ckb sd ug", "Arabic letters with many shared words"),
    ("tr az tk crh", "Oghuz Turkic"),
    ("kk ky tt ba uz ug", "Turkic of Central Asia"),
    ("nl af li fy nds vls zea", "Low Franconian and its neighbours"),
    ("de gsw bar nds lb ksh", "High German and its neighbours"),
    ("en sco", "Scots is close to English"),
    ("ga gd gv", "Gaelic"),
    ("fil ceb ilo war pam bcl", "languages of the Philippines"),
    ("zu xh nr ss", "Nguni"),
    ("st tn nso", "Sotho"),
    ("rw rn", "standards of one language"),
    ("am ti", "Ethiopic letters"),
    ("bn as", "Bengali letters"),
    ("bo dz", "Tibetan letters"),
    ("he yi", "Hebrew letters"),
    ("pa pnb ur", "Punjabi is also written in Urdu's letters"),
)
"""Languages that never contradict each other, and why. Variants by region or script are one language anyway."""

_TRUSTED = (
    "af am ar as az be bg bn bo bs ca ckb cs cy da de dv el en es et eu fa fi fil fr ga gl gu he hi hr hu hy"
    " id is it ja ka kk km kn ko ky lo lt lv mk ml mn mr ms mt my nb ne nl nn or pa pl ps pt ro ru sd sh si sk"
    " sl sq sr sv ta te th tr uk ur uz vi yi yue zh"
)
TRUSTED = frozenset(_TRUSTED.split())
"""The languages that the model knows well enough to be believed."""

WORDS: Mapping[str, str] = {
    "nb": "gj- sju sjå- bruker å sier henne hva deg meg seg noe noen nå mye ut opp gjøre etter dere uke av takk"
    " hjelp nei mat vet gikk fikk litt blir hadde kanskje aldri veldig vært",
    "da": "bruger blev siger hende hvad dig mig sig noget nogle nu meget ud op gøre efter jer uge af tak hjælp"
    " nej mad lidt bliver havde måske aldrig rigtig sige tage lige",
    "nn": "dei kvar vert vart nokre òg då eg ikkje kva korleis kvifor noko nokon berre vere vore dykk frå meir"
    " heim mykje veit kven ein",
    "sv": "jag inte är och vad mycket något från när där här ett kanske varför hur också",
    "sr": "vred- promen- obaveš- uspeš- sledeć- prover- posled- podel- delov- gde ovde negde uvek lepo lepa"
    " lepi vreme vremena dete deca decu dece mleko reč reči ceo svet sveta svetu videt- videla video hteo"
    " htela voleo volela razume- čovek- mesto mesta mestu levo primer- mesec- pesm- uopšte sme hleb treba"
    " pre posle nedelja nedelje sreda hiljadu voz",
    "hr": "vrijed- promijen- promjen- obavijes- uspješ- sljedeć- provjer- posljed- podijel- dijelov- gdje ovdje"
    " negdje uvijek lijep- vrijem- dijete djec- mlijek- riječ- rijek- cijel- svijet- vidje- vidjet- htio"
    " htjel- volje- razumje- razumije- čovjek- mjest- lijev- primjer- mjesec- pjesm- prije poslije smije"
    " što tko netko nitko uopće tjed- vlak kruh tisuć- također kava kavu ured-",
    "bs": "vrijed- promijen- promjen- obavijes- uspješ- sljedeć- provjer- posljed- podijel- dijelov- gdje ovdje"
    " negdje uvijek lijep- vrijem- dijete djec- mlijek- riječ- rijek- cijel- svijet- vidje- vidjet- htio"
    " htjel- volje- razumje- razumije- čovjek- mjest- lijev- primjer- mjesec- pjesm- prije poslije smije"
    " šta neko niko uopšte sedmic- voz hljeb- hiljad- također kahv- mahal- histori-",
    "sh": "",
    "id": "bisa kamu aku karena uang mobil kantor banget nggak gak udah dong sih deh kok gimana kemarin ayo"
    " butuh coba cuma kayak bilang kalian mas mbak pak besok mau senin",
    "ms": "sila hendaklah tarikh beliau awak kerana wang pejabat macam nak tak tengok esok ialah hendak jom"
    " sekejap khabar encik cikgu cuba isnin ahad mahu beritahu sahaja kereta syarikat",
    "cs": "co jsem jsi není protože jsou nebo taky ještě když být dobře proč děkuji jsme jste",
    "sk": "čo som nie alebo tiež ešte keď byť dobre prečo ďakujem sme ste sú pretože",
    "pt": "do da das na nas não você muito uma um são isso ele ela também minha obrigado obrigada à",
    "es": "el los las y muy usted yo hay dónde bueno gracias también nosotros ahora pero",
    "gl": "do da das na nas non moi unha grazas hai xa iso onte hoxe xente quen tamén agora ti pero",
    "ca": "em vas he has aquesta aquest doncs el amb això perquè molt és els les gràcies què tinc vull però avui i",
    "fa": "است را که از به این می هم تو من چه",
    "ur": "ہے کے کی میں نہیں ہیں اور سے کو کا",
    "ru": "что это нет мне если его ещё есть только когда и",
    "uk": "що це ні мені якщо тільки коли та він і",
    "be": "што гэта няма мяне калі толькі ёсць яго трэба вельмі і",
    "hi": "है हैं नहीं और मैं में की को से था तुम आप क्या हूँ",
    "mr": "आहे आणि मी नाही तू तुम्ही काय आहेत मला होते होता पण",
    "ne": "छ हो र म छन् गर्न यो तपाईं हुन्छ छैन मलाई भने तिमी पनि थियो",
    "bho": "बा बाटे बानी रउआ हमार तोहार",
}
"""Frequent words that tell a language from the close ones, and beginnings of words (`svijet-`)."""

LETTERS: Mapping[str, str] = {
    "sv": "äö", "cs": "ěřů", "sk": "ľĺŕäô", "pt": "ãõ", "es": "ñ", "ru": "ъ", "uk": "їєґ", "be": "ў",
    "mk": "ѓќѕ", "bg": "ъщ", "sr": "ђћ",
    "ar": "ةيكىإ", "ur": "ٹڈڑںےھہ", "ps": "ښړډټځڅېۍ", "ckb": "ێۆڵڕە", "ug": "ۇۈۋ", "sd": "ڄڃڪٻڳ",
    "zh": "的是不他们她在这這那没沒么麼吗嗎", "yue": "嘅咗唔佢哋喺咁啲嗰乜冇嚟嘢", "as": "ৰৱ",
}  # fmt: skip
"""Letters that tell a language from the close ones."""

_ENGLISH = (
    "the you i to a and it is of that in was are have what this not with for me my be do on we he she they so but"
    " all where why because by as an at if can will just about your i'm i'll it's don't that's you're they're"
)
_SWAHILI = "na ya wa ni kwa la sana hapana ndiyo za cha kama lakini baada hii wewe mimi sisi leo kesho habari si"
FREQUENT: Mapping[str, frozenset[str]] = {
    "en": frozenset(_ENGLISH.split()),
    "sw": frozenset(_SWAHILI.split()),
}
"""The most frequent words of English, as most sources are in it, and of Swahili, in which the model is weak."""

LACKS: Mapping[str, str] = {"ru": "ӕæӧӝӟӥҥҫҙғқңөүұһ", "vi": "fjwzṅ"}
"""Letters that a language lacks, but which others have that the model takes for it, such as Ossetian and Igbo."""
