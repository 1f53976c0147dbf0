"""Decides which column of a table holds what: by the columns' names, by elimination, and by their values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from results.runs.paste import column_names, id_cells
from results.runs.paste.column_names import Role
from results.runs.paste.grids import Row
from results.runs.paste.running_text import is_uuid, judge, names_ids, tokens
from results.runs.paste.verdicts import Verdict

# The rows whose values are looked at.
SAMPLED = 2000
# From this rank on, a name says that the column holds run ids; beyond it, also where no cell holds one.
SURE_RANK = 4
# The share of a column's cells that must be ids.
MIN_SHARE = 0.8

_ID_WITH_REMARK = re.compile(r"\d{3,19}\s*\([^()\d]*\)")


@dataclass(frozen=True)
class Column:
    """A column's name, empty without a header, and what its cells hold."""

    name: str
    cells: list[str]
    """The cells that are not empty."""
    numbers: list[int] = field(default_factory=list)
    """The whole numbers among them."""
    uuids: int = 0
    ids: int = 0
    """The cells that hold one id, also as `run 1344` or in a link."""
    words: int = 0
    """The cells with a letter and without an id that the text names."""

    @classmethod
    def of(cls, name: str, cells: Sequence[str]) -> "Column":
        filled = [id_cells.bare(cell) for cell in cells if cell and cell not in id_cells.NO_VALUES]
        numbers = [int(digits) for cell in filled if (digits := id_cells.whole_number(cell)) and len(digits) < 20]
        uuids = sum(map(is_uuid, filled))
        ids = len(numbers) + uuids
        if ids < len(filled):
            ids += sum(
                _names_one_id(cell) for cell in filled if not id_cells.is_numeric(cell) and not is_uuid(cell)
            )
        words = sum(any(map(str.isalpha, cell)) and not is_uuid(cell) and not _is_id_alone(cell) for cell in filled)
        return cls(name, filled, numbers, uuids, ids, words)

    @property
    def holds_ids(self) -> bool:
        """Whether most cells hold one id each, and not the same few years again and again."""
        is_year = self.holds_years and self.repeats
        return bool(self.cells) and self.ids >= MIN_SHARE * len(self.cells) and not is_year

    @property
    def holds_years(self) -> bool:
        is_year = all(1900 <= number <= 2100 for number in self.numbers)
        return bool(self.numbers) and len(self.numbers) == len(self.cells) and is_year

    @property
    def holds_words(self) -> bool:
        """Whether most cells hold words; a title may be a mere number."""
        return self.words > len(self.cells) / 2

    @property
    def counts(self) -> bool:
        """Whether its numbers are 0, 1, 2, 3 … or 1, 2, 3 …, in any order, as rows are numbered."""
        first = min(self.numbers, default=-1)
        whole = set(range(first, first + len(self.numbers)))
        return first in (0, 1) and len(self.numbers) == len(self.cells) and set(self.numbers) == whole

    @property
    def repeats(self) -> bool:
        """Whether it repeats values, as lengths and seasons do and ids hardly ever."""
        return len(set(self.cells)) < MIN_SHARE * len(self.cells)


@dataclass(frozen=True)
class Choice:
    """The role of each column, and the columns that could as well hold the run ids."""

    roles: tuple[Role, ...]
    candidates: tuple[int, ...] = ()
    """Empty unless several columns qualify and none of them was taken."""

    def place(self, role: Role) -> int | None:
        return self.roles.index(role) if role in self.roles else None


def choose(names: Sequence[str], rows: Sequence[Row]) -> Choice:
    """Choose the roles of the columns with these names, empty without a header, and with these rows."""
    sampled = rows[:SAMPLED]
    columns = [Column.of(name, [row[at] for row in sampled if at < len(row)]) for at, name in enumerate(names)]
    roles = [Role.OTHER] * len(columns)
    runs = _run_columns(columns)
    if len(runs) == 1:
        roles[runs[0]] = Role.RUN
    _choose_task(columns, roles)
    if Role.RUN not in roles and Role.TASK in roles and not runs:
        roles[roles.index(Role.TASK)] = Role.RUN  # its cells say which of the two they are
    _choose_language(columns, roles)
    for at, column in enumerate(columns):
        if roles[at] is Role.OTHER and column_names.is_tags(column.name) and Role.TAGS not in roles:
            roles[at] = Role.TAGS
    if (title := _title(columns, roles)) is not None:
        roles[title] = Role.TITLE
        _choose_source(columns, roles)
    return Choice(tuple(roles), tuple(runs) if len(runs) > 1 else ())


def _run_columns(columns: Sequence[Column]) -> list[int]:
    """Return the column of the run ids; several if nothing tells which it is, and none if no column qualifies."""
    ranks = [column_names.run_rank(column.name) for column in columns]
    sure = [at for at, rank in enumerate(ranks) if rank > SURE_RANK or (rank == SURE_RANK and columns[at].ids)]
    if sure := [at for at in sure if columns[at].ids] or sure:
        best = max(ranks[at] for at in sure)
        found = [at for at in sure if ranks[at] == best]
        return _without_doubtful(columns, found) if len(found) > 1 else found
    named = [at for at, rank in enumerate(ranks) if rank and columns[at].holds_ids]
    tasks = [at for at, column in enumerate(columns) if column_names.is_task(column.name) and column.cells]
    if not named and tasks:
        # Where tasks are named, no other column is guessed to hold ids; a number in theirs is the run's id.
        return [at for at in tasks if columns[at].holds_ids and not columns[at].uuids][:1]
    unnamed = [
        at for at, column in enumerate(columns) if not ranks[at] and column.holds_ids and not _is_other(column)
    ]
    others = [at for at, each in enumerate(columns) if column_names.names_other_ids(each.name) and each.holds_ids]
    if others and not named:
        # Perhaps the ids of runs in words that are not known: the person who reads them chooses.
        unnamed = [at for at in unnamed if not columns[at].repeats]
        return sorted([*others, *unnamed]) if unnamed else []
    # `id` may number the rows: then another column has the ids.
    named_well = [at for at in named if not columns[at].counts]
    for candidates in (named_well, [at for at in named + unnamed if not columns[at].counts], named, unnamed):
        if candidates:
            best = max(ranks[at] for at in candidates)
            return _without_doubtful(columns, [at for at in candidates if ranks[at] == best])
    return []


def _is_other(column: Column) -> bool:
    return column_names.is_known(column.name) or column_names.names_other_ids(column.name)


def _without_doubtful(columns: Sequence[Column], candidates: list[int]) -> list[int]:
    """Return the candidates without those whose values speak against them, as long as one is left."""
    for speaks_against in (
        lambda column: not column.cells,
        lambda column: column.counts,
        lambda column: column.holds_years,
        lambda column: not column.holds_ids,
        lambda column: column.repeats,
    ):
        left = [at for at in candidates if not speaks_against(columns[at])]
        candidates = left or candidates
    # Ids of both kinds: the run's own goes before the task's, which is read as well.
    numeric = [at for at in candidates if not columns[at].uuids]
    return numeric or candidates[:1]


def _choose_task(columns: Sequence[Column], roles: list[Role]) -> None:
    """Choose the column of task ids: one of UUIDs, if possible with that name, or else one of that name."""
    free = [at for at, role in enumerate(roles) if role is Role.OTHER]
    named = [at for at in free if column_names.is_task(columns[at].name)]
    with_uuids = [at for at in free if columns[at].uuids >= MIN_SHARE * max(1, len(columns[at].cells))]
    likely = [at for at in with_uuids if not columns[at].name or column_names.run_rank(columns[at].name)]
    empty = [at for at in named if not columns[at].words]
    for at in [*(at for at in with_uuids if at in named), *likely, *empty][:1]:
        roles[at] = Role.TASK


def _choose_language(columns: Sequence[Column], roles: list[Role]) -> None:
    """Choose the column of the dubs' languages: one whose name says that it is theirs, or else the first of any."""
    ranked = [
        (-rank, at)
        for at, column in enumerate(columns)
        if roles[at] is Role.OTHER and (rank := column_names.language_rank(column.name))
    ]
    if ranked:
        roles[min(ranked)[1]] = Role.LANGUAGE


def _choose_source(columns: Sequence[Column], roles: list[Role]) -> None:
    """Choose the column of what the dubs of one original share: the first of that name that holds words."""
    for at, column in enumerate(columns):
        if roles[at] is Role.OTHER and column_names.is_source(column.name) and column.holds_words:
            roles[at] = Role.SOURCE
            return


def _title(columns: Sequence[Column], roles: Sequence[Role]) -> int | None:
    free = [at for at, role in enumerate(roles) if role is Role.OTHER]
    ranked = [(rank, at) for at in free if (rank := column_names.title_rank(columns[at].name)) is not None]
    if ranked:
        return min(ranked)[1]
    named_otherwise = [
        at
        for at in free
        for is_one in (column_names.is_other, column_names.is_tags, column_names.names_other_ids)
        if is_one(columns[at].name)
    ]
    return next((at for at in free if columns[at].holds_words and at not in named_otherwise), None)


def _is_id_alone(cell: str) -> bool:
    return names_ids(cell) or "://" in cell or bool(_ID_WITH_REMARK.fullmatch(cell))


def _names_one_id(cell: str) -> bool:
    if not _is_id_alone(cell) and not any(map(str.isdecimal, cell)):
        return False
    if " " not in cell and "://" not in cell:
        return judge(cell).verdict in (Verdict.ID, Verdict.TASK)
    found = [token for token in tokens(cell) if token.verdict is not Verdict.WORD]
    return _is_id_alone(cell) and all(token.found for token in found) and len({token.found for token in found}) == 1
