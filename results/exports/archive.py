"""A ZIP archive with the dubs of many runs, streamed while it is written."""

from collections.abc import Iterator, Sequence

from zipstream import ZIP_DEFLATED, ZipStream  # type: ignore[import-untyped]

from results.exports.csv import csv_table
from results.exports.formats import Format
from results.exports.names import stem, unique
from results.models import RunQuerySet
from results.transcripts import languages, timecode

_RUNS_PER_QUERY = 50
_HEADER = ("file", "run", "title", "tags", "status", "language", "language name", "lines", "length")


def stream_zip(
    runs: RunQuerySet, pks: Sequence[int], export_format: Format, *, with_marks: bool = True
) -> Iterator[bytes]:
    """Yield the bytes of a ZIP with a file for each dub of `runs` with these primary keys, and `manifest.csv`.

    The manifest has a row for each dub. One dub at a time is read, written and sent, so memory holds only that dub
    and the manifest. Runs that are removed meanwhile are left out; a run without a dub has a row in the manifest.
    """
    archive = ZipStream(compress_type=ZIP_DEFLATED)
    manifest: list[tuple[object, ...]] = []
    taken = {"manifest.csv"}
    for start in range(0, len(pks), _RUNS_PER_QUERY):
        chunk = runs.filter(pk__in=pks[start : start + _RUNS_PER_QUERY]).order_by("pk")
        for run in chunk.prefetch_related("dubs", "tags"):
            number, tags = run.camb_run_id or run.camb_task_id, ", ".join(run.tag_names)
            run_cells = (number, run.title, tags, run.get_status_display())
            dubs = sorted(run.dubs.all(), key=lambda dub: dub.pk)
            if not dubs:
                manifest.append(("", *run_cells, *[""] * 4))
            for dub in dubs:
                name = unique(stem(run, dub.language), export_format.extension, taken)
                length = timecode.full(dub.duration_ms)
                language_cells = (dub.language, languages.name(dub.language))
                manifest.append((name, *run_cells, *language_cells, dub.cue_count, length))
                archive.add(export_format.file(dub, with_marks=with_marks), name)
                yield from archive.file()
    archive.add(csv_table(_HEADER, manifest).encode(), "manifest.csv")
    yield from archive.finalize()
