"""The API's search over the lines of a team's transcripts."""

from typing import Literal

from ninja import Query, Router
from pydantic import Field

from dashboard.api import schemas
from dashboard.api.auth import QueryParameters, ScriptRequest, TeamSlug
from dashboard.api.problems import documented
from results.search.query import MAX_CHARACTERS, clean
from results.search.service import search
from teams.access import require_export

router = Router(tags=["Search"])


class SearchParameters(QueryParameters):
    q: schemas.Text = Field(
        max_length=MAX_CHARACTERS,
        description=(
            'As on the search page: words, `"a phrase"`, `lang:es`, `in:ja`, `speaker:`… The days of `before:` and '
            "`after:` begin at 00:00 UTC, whatever the time zone of the token's person."
        ),
    )
    order: Literal["newest", "best"] = Field(
        "newest", description="`newest`: the newest runs first. `best`: the best matches first."
    )
    cursor: str = Field("", pattern=r"^(\d{1,18}(\.\d{1,3})?)?$", description="`next` of the previous page.")
    limit: int = Field(50, ge=1, le=100, description="The number of hits on a page.")


@router.get("/search", response={200: schemas.HitListOut} | documented(422))
def search_lines(request: ScriptRequest, team: TeamSlug, data: Query[SearchParameters]) -> schemas.HitListOut:
    """Search the lines of the team's transcripts."""
    require_export(request.auth.membership)
    before, _dot, skip = data.cursor.partition(".")
    page = search(
        request.team.pk,
        clean(data.q),
        before_id=int(before) if before else None,
        skip=int(skip or 0),
        limit=data.limit,
        best_first=data.order == "best",
    )
    at = (page.next_before, page.next_skip) if page.next_skip else (page.next_before,)
    return schemas.HitListOut(
        hits=[schemas.hit_out(request, hit) for hit in page.hits],
        next=".".join(map(str, at)) if page.next_before else None,
        count=None if before else page.count,
        is_exact=page.is_exact,
        hint=page.hint,
        suggestion=page.suggestion,
    )
