"""A dub and its cues as JSON."""

import json
from collections.abc import Iterable

from results.models import Cue, Dub


def render(dub: Dub, cues: Iterable[Cue]) -> str:
    """Return the dub as a JSON object with the stored values; times are in milliseconds."""
    return json.dumps(
        {
            "run_id": dub.run.camb_run_id,
            "title": dub.run.title,
            "tags": dub.run.tag_names,
            "language": dub.language,
            "cues": [
                {
                    "position": cue.position,
                    "start_ms": cue.start_ms,
                    "end_ms": cue.end_ms,
                    "speaker": cue.speaker,
                    "text": cue.text,
                }
                for cue in cues
            ],
        },
        ensure_ascii=False,
        indent=1,
    )
