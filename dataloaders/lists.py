"""Loaders of lists: pages by keyset, filtered and sorted, for one scope or for many in one statement."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, true, tuple_

from dataloaders.base import KEYS, Loader, tags_read
from dataloaders.catalogue import OPEN, Catalogue, Sort
from dataloaders.conditions import Conditions, targets
from dataloaders.paging import Page, Position, Window, binding, decode_cursor, no_cursor
from maestro.cache import CacheTag
from maestro.db.engine import tables_of
from maestro.db.rows import Row
from maestro.db.tables import Base
from maestro.errors import MaestroError
from maestro.filters import Filter, Space, fingerprint
from maestro.series_names import SeriesName
from maestro.storable import LARGEST_INTEGER, UNSTORABLE

Scope = UUID | None
SEARCHING: Final = frozenset({"filter", "filterText", "sort"})
"""The arguments of lists by which something is looked for."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Which objects of a list and in which order: without a sort the newest come first."""

    filter: Filter | None = None
    sort: tuple[Sort, ...] = ()
    in_trash: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether nothing is looked for."""
        return self.filter is None and not self.sort


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A listing and the window on it."""

    listing: Listing = field(default_factory=Listing)
    window: Window = field(default_factory=Window)


@dataclass(frozen=True, slots=True)
class Order:
    """A sort term in SQL."""

    expression: ColumnElement[Any]
    is_descending: bool
    is_nullable: bool

    def by(self, *, is_backward: bool) -> ColumnElement[Any]:
        """Return the ORDER BY term; nulls come last, first when the list is read backward."""
        ordered = self.expression.desc() if self.is_descending != is_backward else self.expression.asc()
        if not self.is_nullable:
            return ordered
        return ordered.nulls_first() if is_backward else ordered.nulls_last()

    def beyond(self, value: Any, *, is_backward: bool) -> ColumnElement[bool]:
        """Return the condition of the rows that come strictly after a value in the direction of reading."""
        if value is None:
            return self.expression.is_not(None) if is_backward else ~true()
        bound = literal(value, self.expression.type)
        after = self.expression < bound if self.is_descending != is_backward else self.expression > bound
        return or_(after, self.expression.is_(None)) if self.is_nullable and not is_backward else after

    def same(self, value: Any) -> ColumnElement[bool]:
        """Return the condition of the rows with that very value."""
        return self.expression.is_(None) if value is None else self.expression == literal(value, self.expression.type)


class ListLoader(Loader[tuple[Scope, PageRequest], Page]):
    """Pages of one list. `scope` names the column that holds the key's first part; None lists the organisation.

    `projects` is the SQL of the projects that the scopes `$3` lie in, where metrics are looked for in these alone.
    `reads_also` are tables that no field names, `reads_unfiltered` the tags of a list in which nothing is looked for.
    """

    catalogue: ClassVar[Catalogue]
    scope: ClassVar[str | None] = None
    projects: ClassVar[str | None] = None
    reads_also: ClassVar[tuple[type[Base], ...]] = ()
    reads_unfiltered: ClassVar[tuple[CacheTag, ...] | None] = None

    def __init_subclass__(cls) -> None:
        catalogue = cls.catalogue
        fields = tables_of(*(listed.expression for listed in catalogue.fields.values()))
        rows = {catalogue.table.__tablename__, *(table.__tablename__ for table in cls.reads_also)}
        keys = {table.__tablename__ for space in catalogue.spaces for table in OPEN[space.space]}
        cls.reads, cls.reads_unfiltered = tags_read(rows | fields | keys), tags_read(rows)

    @classmethod
    def reads_with(cls, arguments: Collection[str]) -> tuple[CacheTag, ...] | None:
        """Look for filters and sorts: without them a list has nothing to do with what is logged to its objects."""
        return cls.reads if SEARCHING.intersection(arguments) else cls.reads_unfiltered

    def tags(self, key: tuple[Scope, PageRequest]) -> tuple[CacheTag, ...] | None:
        """Return the tags of a page."""
        return self.reads_unfiltered if key[1].listing.is_plain else self.reads

    async def fetch(self, keys: Sequence[tuple[Scope, PageRequest]]) -> list[Page | Exception]:
        """Return the page of each (scope, request), one statement for all keys that share a request."""
        groups: dict[tuple[PageRequest, Scope], list[Scope]] = defaultdict(list)
        for scope, request in dict.fromkeys(keys):
            # A cursor belongs to one scope and is to be refused by the others.
            groups[request, scope if request.window.cursor is not None else None].append(scope)
        pages: dict[tuple[Scope, PageRequest], Page | Exception] = {}
        for (request, _), members in groups.items():
            try:
                pages.update(await self._pages(request, members))
            except MaestroError as error:
                pages.update({(scope, request): error for scope in members})
        return [pages[key] for key in keys]

    async def _pages(self, request: PageRequest, scopes: list[Scope]) -> dict[tuple[Scope, PageRequest], Page]:
        bindings = {scope: self._binding(request.listing, scope) for scope in scopes}
        window = request.window
        conditions, orders = await self.prepared(request.listing, scopes)
        position = None
        if window.cursor is not None:
            named = "before" if window.is_backward else "after"
            position = decode_cursor(bindings[scopes[0]], window.cursor, field=named)
            position = _typed(position, orders, field=named)
        query = self._page_query(conditions, orders, request=request, position=position)
        rows = await self._scoped(query, scopes)
        return {
            (scope, request): self._page(
                rows[scope], (scope, request), bound_to=bindings[scope], sort_width=len(orders) - 1
            )
            for scope in scopes
        }

    async def prepared(self, listing: Listing, scopes: Sequence[Scope]) -> tuple[Conditions, list[Order]]:
        """Return the SQL of a listing's filter and sort in some scopes."""
        names = {
            SeriesName.parse(target.key).key
            for target in [*targets(listing.filter), *(term.target for term in listing.sort)]
            if target.space is Space.METRICS
        }
        keys = await self._metric_keys(names, scopes) if names else {}
        conditions = Conditions(self.catalogue, listing.filter, keys)
        orders = [
            Order(expression, term.is_descending, is_nullable)
            for term in listing.sort
            for expression, is_nullable in conditions.sort(term.target)
        ]
        newest_first = orders[0].is_descending if orders else True
        return conditions, [*orders, Order(self.catalogue.columns.id, newest_first, is_nullable=False)]

    async def _metric_keys(self, names: set[str], scopes: Sequence[Scope]) -> dict[str, list[UUID]]:
        narrowed = f"AND project_id IN ({self.projects}) " if self.projects is not None else ""
        rows = await self.db.fetch_sql(
            "SELECT name, array_agg(id) AS ids FROM metric_key "  # noqa: S608 -- the class's own SQL
            f"WHERE organization_id = $1 AND name = ANY($2) {narrowed}GROUP BY name",
            self.organization_id,
            list(names),
            *([list(scopes)] if narrowed else []),
        )
        return {row.name: row.ids for row in rows}

    def base(self, conditions: Conditions, listing: Listing, *columns: Any) -> Select[Any]:
        """Return the SELECT of a listing's rows without order and limit."""
        c = self.catalogue.columns
        conditions_here = [conditions.where, c.organization_id == self.organization_id]
        if "deleted_at" in c:
            conditions_here.append(c.deleted_at.is_not(None) if listing.in_trash else c.deleted_at.is_(None))
        return select(*columns).select_from(conditions.joined(self.catalogue.table.__table__)).where(*conditions_here)

    def _page_query(
        self, conditions: Conditions, orders: list[Order], *, request: PageRequest, position: Position | None
    ) -> Select[Any]:
        backward = request.window.is_backward
        sorts = [order.expression.label(f"_s{i}") for i, order in enumerate(orders[:-1])]
        query = self.base(conditions, request.listing, *self.catalogue.columns, *sorts)
        if position is not None:
            query = query.where(after_position(orders, position, is_backward=backward))
        return query.order_by(*(order.by(is_backward=backward) for order in orders)).limit(request.window.size + 1)

    async def _scoped(self, query: Select[Any], scopes: list[Scope]) -> dict[Scope, list[Row]]:
        if self.scope is None:
            return {None: await self.db.fetch(query)}
        column = self.catalogue.columns[self.scope]
        if len(scopes) == 1:
            # A plain equality lets the planner use what it knows of this very scope.
            return {scopes[0]: await self.db.fetch(query.where(column == scopes[0]))}
        wanted = func.unnest(KEYS).table_valued("key", name="wanted").render_derived()
        each = query.where(column == wanted.c.key).lateral("each")
        rows = await self.db.fetch(
            select(wanted.c.key.label("_scope"), *each.c).select_from(wanted.join(each, true())), keys=scopes
        )
        found: dict[Scope, list[Row]] = {scope: [] for scope in scopes}
        for row in rows:
            found[row["_scope"]].append(row)
        return found

    def _page(self, rows: list[Row], key: tuple[Scope, PageRequest], *, bound_to: bytes, sort_width: int) -> Page:
        scope, request = key
        backward, has_more = request.window.is_backward, len(rows) > request.window.size
        continues = request.window.cursor is not None
        shown = rows[: request.window.size]
        if backward:
            shown.reverse()
        return Page(
            rows=shown,
            has_next=continues if backward else has_more,
            has_previous=has_more if backward else continues,
            bound_to=bound_to,
            sort_width=sort_width,
            total_key=(type(self), scope, request.listing),
        )

    def _binding(self, listing: Listing, scope: Scope) -> bytes:
        wanted = None if listing.filter is None else fingerprint(listing.filter)
        return binding(self.organization_id, type(self).__name__, scope, wanted, listing.sort, listing.in_trash)


class Totals(Loader[tuple[type[ListLoader], Scope, Listing], int]):
    """How many rows a whole list has: the key is the page's `total_key`, which whoever may read the list has."""

    needs = None
    reads = ()  # but what the list reads, whose page is there

    def tags(self, key: tuple[type[ListLoader], Scope, Listing]) -> tuple[CacheTag, ...] | None:
        """Return the tags of the list."""
        return key[0].reads_unfiltered if key[2].is_plain else key[0].reads

    async def fetch(self, keys: Sequence[tuple[type[ListLoader], Scope, Listing]]) -> list[int | Exception]:
        """Return each total, one statement for all scopes that share a listing."""
        scopes: dict[tuple[type[ListLoader], Listing], set[Scope]] = defaultdict(set)
        for kind, scope, listing in keys:
            scopes[kind, listing].add(scope)
        totals: dict[tuple[type[ListLoader], Scope, Listing], int] = {}
        for (kind, listing), members in scopes.items():
            for scope, total in await self._count(kind, listing, members):
                totals[kind, scope, listing] = total
        return [totals.get(key, 0) for key in keys]

    async def _count(self, kind: type[ListLoader], listing: Listing, scopes: set[Scope]) -> list[tuple[Scope, int]]:
        pages = kind(self.db, self.viewer)
        conditions, _ = await pages.prepared(listing, list(scopes))
        if kind.scope is None:
            rows = await self.db.fetch(pages.base(conditions, listing, func.count().label("total")))
            return [(None, rows[0].total)]
        column = kind.catalogue.columns[kind.scope]
        query = pages.base(conditions, listing, column.label("_scope"), func.count().label("total"))
        rows = await self.db.fetch(query.where(column.in_(scopes)).group_by(column))
        return [(row["_scope"], row.total) for row in rows]


def after_position(orders: list[Order], position: Position, *, is_backward: bool) -> ColumnElement[bool]:
    """Return the condition of the rows that come after a position in the direction of reading."""
    values = [*position.values, position.id]
    if not any(order.is_nullable for order in orders) and len({order.is_descending for order in orders}) == 1:
        # One comparison of rows is a range of the index; the general form below is not.
        left = tuple_(*(order.expression for order in orders))
        right = tuple_(*(literal(value, order.expression.type) for value, order in zip(values, orders, strict=True)))
        return left < right if orders[0].is_descending != is_backward else left > right
    alternatives = []
    for i, order in enumerate(orders):
        equal = [earlier.same(value) for earlier, value in zip(orders[:i], values, strict=False)]
        alternatives.append(and_(*equal, order.beyond(values[i], is_backward=is_backward)))
    return or_(*alternatives)


def _typed(position: Position, orders: list[Order], *, field: str) -> Position:
    """Return a cursor's position with its values as the columns hold them; InvalidInput for what they cannot hold."""
    try:
        values = [_typed_value(value, order) for value, order in zip(position.values, orders[:-1], strict=True)]
    except (TypeError, ValueError, OverflowError):
        raise no_cursor(field) from None
    return Position(tuple(values), position.id)


def _typed_value(value: Any, order: Order) -> Any:
    """Return a value of a cursor, in which times and UUIDs are texts; TypeError, ValueError, OverflowError."""
    if value is None and order.is_nullable:
        return None
    wanted = order.expression.type.python_type
    if type(value) is not (str if wanted in (datetime, UUID) else wanted):
        raise TypeError
    if wanted in (datetime, UUID):
        return datetime.fromisoformat(value).astimezone(UTC) if wanted is datetime else UUID(value)
    match value:
        case str() if UNSTORABLE.search(value):
            raise ValueError
        case int() if abs(value) > LARGEST_INTEGER:
            raise ValueError
    return value
