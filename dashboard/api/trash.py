"""The API's operations on the trash: remove runs, list removed ones and restore them.

The name of each view is its operation id in openapi.json, and must not change.
"""

from datetime import datetime
from typing import Self

from ninja import Query, Router
from pydantic import BaseModel, Field

from dashboard.api import schemas
from dashboard.api.auth import QueryParameters, ScriptRequest, TeamSlug
from dashboard.api.problems import documented
from dashboard.api.run_filter import RunSelection
from dashboard.api.schemas import Id
from dashboard.pages.run_query import MAX_SELECTED
from results.models import Run
from results.runs import trash
from teams.access import require_change, require_remove

router = Router(tags=["Runs"])


class RemovedSelection(BaseModel, extra="forbid"):
    """The removed runs to restore. Ids of other runs are ignored."""

    runs: list[Id] = Field(min_length=1, max_length=MAX_SELECTED, description="The `id` of each run.")


class RemovedListParameters(QueryParameters):
    """The page of a list of removed runs."""

    cursor: int = Field(0, ge=0, lt=2**63, description="`next` of the previous page.")
    limit: int = Field(50, ge=1, le=100, description="The number of runs on a page.")


class RemovedOut(BaseModel):
    """A run that was removed and can be restored."""

    id: int
    camb_run_id: int | None
    camb_task_id: str | None
    title: str
    removed_at: datetime
    removed_by: str = Field(description="The name of the person who removed it.")
    deleted_at: datetime = Field(description="When it will be deleted.")

    @classmethod
    def of(cls, run: Run) -> Self:
        assert run.removed_at  # noqa: S101
        return cls(
            id=run.pk,
            camb_run_id=run.camb_run_id,
            camb_task_id=run.camb_task_id or None,
            title=run.title,
            removed_at=run.removed_at,
            removed_by=run.removed_by,
            deleted_at=run.removed_at + trash.TRASH_TIME,
        )


class RemovedListOut(BaseModel):
    """A page of removed runs."""

    runs: list[RemovedOut]
    next: int | None = Field(description="The `cursor` of the next page; null on the last page.")


@router.post("/runs/remove", response={200: schemas.CountOut} | documented(400, 413, 422))
def remove_runs(request: ScriptRequest, team: TeamSlug, data: RunSelection) -> schemas.CountOut:
    """Remove runs. They can be restored for a while, and are then deleted with all their data."""
    require_remove(request.auth.membership)
    pks = data.runs_of(request.team).pks()
    return schemas.CountOut(count=trash.remove_runs(request.team, pks, by=str(request.user)).count)


@router.post("/runs/restore-removed", response={200: schemas.CountOut} | documented(400, 413, 422))
def restore_removed_runs(request: ScriptRequest, team: TeamSlug, data: RemovedSelection) -> schemas.CountOut:
    """Restore removed runs. An archived run that was removed is archived again."""
    removed = trash.removed_runs(request.team).filter(pk__in=data.runs)
    return schemas.CountOut(count=trash.restore_removed(request.team, removed.pks()))


@router.get("/removed-runs", response={200: RemovedListOut} | documented(422))
def list_removed_runs(request: ScriptRequest, team: TeamSlug, data: Query[RemovedListParameters]) -> RemovedListOut:
    """List the runs that can be restored, the last added first, page by page. For owners, managers and members."""
    require_change(request.auth.membership)
    runs = trash.removed_runs(request.team)
    if data.cursor:
        runs = runs.filter(pk__lt=data.cursor)
    found = list(runs.order_by("-pk")[: data.limit + 1])
    shown = found[: data.limit]
    return RemovedListOut(
        runs=[RemovedOut.of(run) for run in shown], next=shown[-1].pk if len(found) > data.limit else None
    )
