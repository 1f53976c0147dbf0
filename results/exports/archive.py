"""How do the dubs of many runs leave as one ZIP?"""

from collections.abc import Iterator, Sequence

from zipstream import ZIP_DEFLATED, ZipStream  # type: ignore[import-untyped]

from results.exports import csv
from results.exports.formats import Format
from results.exports.names import stem, unique
from results.models import RunQuerySet
from results.transcripts import languages, timecode

_AT_ONCE = 50
_HEADER = ("file", "run", "title", "tags", "status", "language", "language name", "cues", "length")


def stream_zip(runs: RunQuerySet, pks: Sequence[int], format: Format) -> Iterator[bytes]:
    """Yield the ZIP of those of the runs that have one of these ids, and of a table of contents, `manifest.csv`.

    One dub is read, written and given away at a time: memory holds only that dub and the table. What was removed
    meanwhile is left out; a run without a dub has its line in the table.
    """
    archive = ZipStream(compress_type=ZIP_DEFLATED)
    manifest: list[tuple[object, ...]] = []
    taken = {"manifest.csv"}
    for start in range(0, len(pks), _AT_ONCE):
        some = runs.filter(pk__in=pks[start : start + _AT_ONCE]).order_by("pk")
        for run in some.prefetch_related("dubs", "tags"):
            number, tags = run.camb_run_id or run.camb_task_id, ", ".join(run.tag_names)
            about = (number, run.title, tags, run.get_status_display())
            dubs = sorted(run.dubs.all(), key=lambda dub: dub.pk)
            if not dubs:
                manifest.append(("", *about, *[""] * 4))
            for dub in dubs:
                name = unique(stem(run, dub.language), format.extension, taken)
                length = timecode.full(dub.duration_ms)
                manifest.append((name, *about, dub.language, languages.name(dub.language), dub.cue_count, length))
                archive.add(format.file(dub), name)
                yield from archive.file()
    archive.add(csv.table(_HEADER, manifest).encode(), "manifest.csv")
    yield from archive.finalize()
