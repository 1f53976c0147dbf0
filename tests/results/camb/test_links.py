"""Media links in CAMB.AI's answers become addresses that can be fetched, or nothing."""

import pytest

from results.camb.links import read_link
from results.camb.parse import read_run


@pytest.mark.parametrize(
    ("given", "link"),
    [
        ("https://m.example/My Film (final cut).mp4", "https://m.example/My%20Film%20(final%20cut).mp4"),
        ("https://m.example/Mon été.m4a", "https://m.example/Mon%20%C3%A9t%C3%A9.m4a"),
        ("https://m.example/映画.mp4?név=ő", "https://m.example/%E6%98%A0%E7%94%BB.mp4?n%C3%A9v=%C5%91"),
        ("https://m.example/a%20b c.mp4", "https://m.example/a%20b%20c.mp4"),
        ("https://m.example/10.30\u202fAM.mp4", "https://m.example/10.30%E2%80%AFAM.mp4"),
        ("https://m.example/100 % sure.mp4", "https://m.example/100%20%25%20sure.mp4"),
        ("https://m.example/Episode #2.mp4", "https://m.example/Episode%20%232.mp4"),
        ("https://m.example/a b.mp4#t=5", "https://m.example/a%20b.mp4#t=5"),
        ("https://bücher.example:8443/a.mp4", "https://xn--bcher-kva.example:8443/a.mp4"),
        ("https://straße.example/ü", "https://xn--strae-oqa.example/%C3%BC"),
        ("http://例え.テスト/a b", "http://xn--r8jz45g.xn--zckzah/a%20b"),
        (" https://m.example/a.mp4\n", "https://m.example/a.mp4"),
        ("https://m.example/🎬.mp4", "https://m.example/%F0%9F%8E%AC.mp4"),
        ("https://https/https é", "https://https/https%20%C3%A9"),
        (
            "https://m.example/a.mp4?Expires=9&amp;Signature=a%2Bb",
            "https://m.example/a.mp4?Expires=9&Signature=a%2Bb",
        ),
    ],
)
def test_spaces_and_letters_are_encoded(given: str, link: str) -> None:
    assert read_link(given) == link
    assert read_link(link) == link
    answer = read_run(1, {"video_url": given})
    assert (answer.dubs[0].video_url, answer.notes) == (link, ())


@pytest.mark.parametrize(
    "link",
    [
        "https://m.example/a%20b.mp4?Signature=a%2Bb%2fc&x=%",
        "https://m.example/~a/(b)/[c]?d='e'\"<>|^`{}",
        "HTTPS://M.example/A.mp4#part",
    ],
)
def test_what_is_ascii_already_is_not_changed(link: str) -> None:
    assert read_link(link) == link


@pytest.mark.parametrize(
    "given",
    [
        "https://my host.example/a.mp4",
        "https://m.example/a\tb.mp4",
        "https://m.example/a\x0bb.mp4",
        "https://m.example/a\u2028b.mp4",
        "https://m.example/a\x85b.mp4",
        "https://kim:secret@m.example/a b.mp4",
        "https://m.example\uff0fevil.example/a b.mp4",
        "https://m.exa\u202emple/a.mp4",
        "https://-é-.example/\\a",
        "javascript:alert('été')",
        "ftp://m.example/été",
        "//m.example/été",
        "https://" + "é" * 300 + ".example/a.mp4",
        "https://m.example/" + "é" * 1_000,
        "https://m.example/[key hidden].mp4",
        "https://m.example:port é/a.mp4",
    ],
)
def test_anything_else_is_unusable(given: str) -> None:
    assert read_link(given) == ""
    answer = read_run(1, {"video_url": given})
    assert (answer.dubs, answer.notes) == ((), ("The video link was unusable.",))
