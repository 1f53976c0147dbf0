"""Stills of real videos, and of videos that are black, damaged or hostile."""

import os
import sys

import pytest

from demo.server import MEDIA_DIR
from results.media import sandbox, stills
from tests.results.media.video_files import bars, flat, mean_brightness, webp_size, write_video


def bright_at(*marked: int) -> list:
    """Return a hundred black frames, of which these show something."""
    return [bars() if number in marked else flat(0) for number in range(100)]


def test_a_film_gives_a_picture_for_the_player_and_a_small_one():
    still = stills.take(MEDIA_DIR / "lumen-launch.es.mp4", "video/mp4")
    assert (webp_size(still.poster), webp_size(still.small)) == ((480, 270), (128, 72))
    assert still.size == len(still.poster) + len(still.small) < 12_000


@pytest.mark.parametrize(
    ("size", "poster", "small"),
    [((1280, 720), (640, 360), (128, 72)), ((360, 640), (360, 640), (128, 228)), ((2000, 20), (640, 6), (512, 20))],
)
def test_pictures_keep_the_shape_of_the_video(tmp_path, size, poster, small):
    path = tmp_path / "x.mp4"
    write_video(path, [bars(128, 40, *size) for _ in range(3)], size=size)
    still = stills.take(path, "video/mp4")
    assert (webp_size(still.poster), webp_size(still.small)) == (poster, small)


def test_the_frame_is_from_a_quarter_to_a_third_of_the_length(tmp_path):
    path = tmp_path / "x.mp4"
    write_video(path, (bars(50 + number) for number in range(100)))
    assert 74 < mean_brightness(stills.take(path, "video/mp4").poster) < 86


@pytest.mark.parametrize("shown", [(27, 28), (33, 34), (50,), (15,)])
def test_a_black_frame_is_passed_over(tmp_path, shown):
    path = tmp_path / "x.mp4"
    write_video(path, bright_at(*shown))
    assert 120 < mean_brightness(stills.take(path, "video/mp4").poster) < 136


def test_of_dim_frames_the_one_that_shows_most_is_taken(tmp_path):
    path = tmp_path / "x.mp4"
    write_video(path, (bars(60, 12) if 33 <= number <= 35 else bars(30, 6) for number in range(100)))
    assert 56 < mean_brightness(stills.take(path, "video/mp4").poster) < 64


@pytest.mark.parametrize("brightness", [0, 255, 90])
def test_a_video_of_one_colour_has_no_still(tmp_path, brightness):
    path = tmp_path / "x.mp4"
    write_video(path, [flat(brightness) for _ in range(20)])
    with pytest.raises(sandbox.UnreadableMediaError, match="every frame is black or flat"):
        stills.take(path, "video/mp4")


@pytest.mark.parametrize(
    ("codec", "name"), [("libvpx-vp9", "x.webm"), ("libvpx", "x.webm"), ("libsvtav1", "x.mp4"), ("mpeg4", "x.mp4")]
)
def test_codecs_of_browsers_are_decoded(tmp_path, codec, name):
    path = tmp_path / name
    write_video(path, (bars() for _ in range(8)), codec)
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    assert webp_size(stills.take(path, f"video/{name[2:]}").poster) == (320, 180)


def test_a_damaged_stretch_is_passed_over(tmp_path):
    path = tmp_path / "x.mp4"
    content = bytearray(write_video(path, bright_at(*range(26, 36))))
    content[len(content) * 3 // 10 : len(content) * 3 // 10 + 200] = b"\xff" * 200
    path.write_bytes(content)
    assert 90 < mean_brightness(stills.take(path, "video/mp4").poster) < 170


# --- Hostile files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"\x00\x00\x00\x18ftypisom" + bytes(5000), "video/mp4"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "video/mp4"),
        (b"\x1aE\xdf\xa3" + b"\xff" * 5000, "video/webm"),
        ((MEDIA_DIR / "lumen-launch.es.mp4").read_bytes()[:9000], "video/mp4"),
        ((MEDIA_DIR / "red-bicycle.m4a").read_bytes(), "video/mp4"),
    ],
)
def test_a_file_without_readable_video_raises_an_error(tmp_path, content, content_type):
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(sandbox.UnreadableMediaError, match="exit code 1: "):
        stills.take(path, content_type)


def test_a_frame_larger_than_4k_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "x.mp4"
    write_video(path, [bars(128, 40, 5120, 2880)], codec="mpeg4", size=(5120, 2880))
    with pytest.raises(sandbox.UnreadableMediaError, match="5120 × 2880 pixels are too many"):
        stills.take(path, "video/mp4")


def test_a_false_length_costs_little(tmp_path):
    """The file says that it lasts for 50 days: the frames end before the first place."""
    path = tmp_path / "x.mp4"
    content = write_video(path, [bars() for _ in range(20)])
    longer = content.replace((2000).to_bytes(4, "big"), (0xFFFFFFF0).to_bytes(4, "big"))
    assert longer != content
    path.write_bytes(longer)
    assert webp_size(stills.take(path, "video/mp4").poster) == (320, 180)


@pytest.mark.parametrize(
    "output",
    [
        b"9\n<!doctype html><script>alert(1)</script>",
        b"12\nRIFF\x04\x00\x00\x00WEBP<html>",
        b"-1\nRIFF",
        b"",
        b"200016\nRIFF" + (200_008).to_bytes(4, "little") + b"WEBP" + bytes(200_004),
    ],
)
def test_only_whole_pictures_of_a_limited_size_are_believed(monkeypatch, tmp_path, output):
    """A video that has taken over the decoder can answer what it likes."""
    shell = tmp_path / "python"
    (tmp_path / "output").write_bytes(output)
    shell.write_text(f"#!/bin/sh\n/bin/cat {tmp_path / 'output'}\n")
    shell.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(shell))
    with pytest.raises(sandbox.UnreadableMediaError):
        stills.take(MEDIA_DIR / "lumen-launch.es.mp4", "video/mp4")
