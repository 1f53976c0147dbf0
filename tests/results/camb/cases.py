"""Sample answers of CAMB.AI, and the client and errors that tests make with them."""

from typing import Any

import pytest

from demo.server import StandIn
from results.camb import CambError, Client, CueAnswer, DubAnswer

KEY = "sk-very/secret-0123456789"
MP4, MP3 = "https://cdn.example/1.mp4?Expires=9&Signature=a%2Bb", "https://cdn.example/1.mp3"
LINES = [{"start": 0, "end": 1.5, "speaker": "Ana", "text": "Hola"}]
CUES = (CueAnswer(0, 1500, "Ana", "Hola"),)
FLAT = {"video_url": MP4, "audio_url": MP3, "transcript": LINES}
FLAT_DUB = DubAnswer("", MP4, MP3, CUES)


def line(start: Any = 0, end: Any = 1, text: Any = "Hola", speaker: Any = "Ana") -> dict[str, Any]:
    """Return one line of a transcript as CAMB.AI sends it, valid or not."""
    return {"start": start, "end": end, "text": text, "speaker": speaker}


def make_client(stand_in: StandIn, **options: Any) -> Client:
    """Return a client whose time-outs only a hanging call reaches, unless `options` shorten them."""
    long_timeouts = {"connect_seconds": 30, "read_seconds": 30, "total_seconds": 60}
    return Client(stand_in.base_url, KEY, **long_timeouts | options)


def error_of(client: Client, *run_ids: int) -> CambError:
    """Return the error that a call raises, after a check that the error does not reveal the key."""
    with pytest.raises(CambError) as caught:
        client.fetch(run_ids or (1, 2))
    assert KEY not in "".join([str(caught.value), repr(caught.value), repr(client)])
    return caught.value
