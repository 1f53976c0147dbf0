"""Part files on this machine: their age, and the media type that their first bytes show."""

import os
from datetime import timedelta

import pytest
from django.utils import timezone

from results.media import part_files
from tests.results.media.copy_helpers import (
    leave_part,
    part_sizes,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("copies_enabled")]


def test_old_part_files_are_deleted(waiting, data_dir):
    leave_part(waiting, 100)
    part_files.delete_old()
    assert part_sizes(data_dir) == [100]
    old = (timezone.now() - part_files.MAX_AGE - timedelta(minutes=1)).timestamp()
    [part] = (data_dir / "copying").iterdir()
    os.utime(part, (old, old))
    part_files.delete_old()
    assert part_sizes(data_dir) == []


@pytest.mark.parametrize(
    ("head", "kind", "content_type", "extension"),
    [
        (b"\x00\x00\x00\x18ftypisom", "video", "video/mp4", ".mp4"),
        (b"\x00\x00\x00\x18ftypM4A ", "audio", "audio/mp4", ".m4a"),
        (b"\x00\x00\x00\x08moov", "video", "video/mp4", ".mp4"),
        (b"\x1a\x45\xdf\xa3\x01", "video", "video/webm", ".webm"),
        (b"OggS\x00", "audio", "audio/ogg", ".ogg"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio", "audio/wav", ".wav"),
        (b"fLaC\x00", "audio", "audio/flac", ".flac"),
        (b"ID3\x04", "audio", "audio/mpeg", ".mp3"),
        (b"\xff\xfb\x90\x00", "audio", "audio/mpeg", ".mp3"),
        (b"\xff\xf1\x50\x80", "audio", "audio/aac", ".aac"),
    ],
)
def test_type_is_detected_from_the_first_bytes(head, kind, content_type, extension):
    assert part_files.detect_type(head, kind) == (content_type, extension)
