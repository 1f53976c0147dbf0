"""Sample cues for exports: hostile texts, and Hypothesis strategies for arbitrary cues."""

from hypothesis import settings
from hypothesis import strategies as st

from results.models import Cue

# The same examples in every run, and no time limit on a slow machine.
steady = settings(deadline=None, derandomize=True)

HOSTILE = [
    "a --> b",
    "--",
    "00:00:00,000 --> 00:00:09,000",
    "1\n\n00:00:00.000 --> 00:00:09.000\nevil",
    "WEBVTT\n\nNOTE x\n\nSTYLE\n::cue {}",
    "one\n\n \t\n\ntwo\r\n\r\nthree\rfour",
    "one\u2028\u2029two\x0b\x0cthree\x85four",
    "<i>it</i> <laughs> </b> <b <3 <!-- x -->",
    "AT&T &amp; &lt;b&gt; &#60;",
    r"{\an8}top {y:i}in {curly} \N \n \h",
    "\u200fمرحبا\u200f \u202bبالعالم\u202c (2024)",
    "👩‍👩‍👧 👍🏽 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "日本語 ไทย हिन्दी",
    "=1+1",
    "'\t @SUM(A1)",
    '","\r\n"=x',
    "a\0b\x1b[31m",
    "42",
    "one\n2",
    "\ufeffmark",
    "]]><w:t>&amp;",
    "_x000D_ tab\there",
]


def make_cue(text: str, position: int = 1, start_ms: int = 1000, end_ms: int = 2500, speaker: str = "") -> Cue:
    return Cue(position=position, start_ms=start_ms, end_ms=end_ms, speaker=speaker, text=text)


_pieces = st.sampled_from(
    [
        *("-->", "--", "\n", "\r\n", " ", "<", ">", "&", "&amp;", "{", "\\", "00:00:01,000", "00:01.000"),
        *("=", "'", '"', "\t", "5", "\u200f", "م", "日", "🙂", "\0", "\x1c"),
    ]
)
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.lists(_pieces, max_size=8).map("".join),
)
# Below 100 hours, the limit of most readers of SubRip.
times = st.integers(-1000, 359_000_000)
cues = st.lists(st.tuples(times, times, texts, texts), max_size=6).map(
    lambda spoken: [
        make_cue(text, position, start_ms, end_ms, speaker)
        for position, (start_ms, end_ms, text, speaker) in enumerate(
            sorted(spoken, key=lambda cue: cue[0]), start=1
        )
    ]
)
