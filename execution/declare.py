"""Declarations of fields: a leaf is a column or a pure function of the row, an edge names its loader.

Nothing about how to fetch stands in the schema's types, so an executor can read the declarations and run whole levels
of an operation at once; the fields below also resolve themselves, one parent at a time, for graphql-core.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar, cast

import strawberry
from strawberry.types import Info
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryContainer
from strawberry.types.field import StrawberryField
from strawberry.types.fields.resolver import StrawberryResolver
from strawberry.types.lazy_type import LazyType

from execution.policy import DEFAULT_TTL, NOT_CACHEABLE, Cached, Policy

Function = TypeVar("Function", bound=Callable[..., Any])


class Loads(Protocol):
    """What an edge needs of a loader: one awaitable answer a key, batched with the others of the same tick."""

    def load(self, key: Any) -> Awaitable[Any]:
        """Return the answer for a key."""
        ...

    @classmethod
    def reads_with(cls, arguments: Collection[str]) -> tuple[str, ...] | None:
        """Return the tags of what answers with some arguments are made of; None where nobody counts the changes."""
        ...


class Shape(Enum):
    """What a loader answers for one key."""

    ONE = "one"
    MANY = "many"
    PAGE = "page"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Column:
    """A leaf: the column of the row with the field's Python name."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A leaf that is a pure function of some columns of the row."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A relation: the loader, the column whose value is its key, and the function that declares the arguments.

    `arguments` has the field's GraphQL arguments as its parameters and returns one hashable value; the loader's key
    is then the pair of the column's value and that value. An edge of the root has no row and so no column: the key is
    then the value alone, for a page the pair of None and the value.

    `cached` keeps the loader's answers by themselves. Without it they are kept as parts of whole answers alone.
    """

    shape: Shape
    loader: type[Loads]
    key: str | None
    arguments: Callable[..., Any] | None = None
    cached: Cached | None = None

    def policy(self, arguments: Collection[str]) -> Policy:
        """Return how long an answer may be kept that has it with some arguments.

        Not at all where nobody counts the changes of what its loader reads.
        """
        declared = self.cached or Cached(DEFAULT_TTL)
        tags = declared.tags
        if tags is None:
            tags = self.loader.reads_with(arguments)
        return NOT_CACHEABLE if tags is None else Policy(declared.ttl, declared.scope, tags)

    def key_of(self, source: Any, given: dict[str, Any]) -> Any:
        """Return the loader's key for a parent object, None when the parent has no such relation."""
        if self.key is None:
            asked = self.arguments(**given) if self.arguments is not None else None
            return (None, asked) if self.shape is Shape.PAGE else asked
        key = getattr(source.row, self.key)
        if key is None or self.arguments is None:
            return key
        return key, self.arguments(**given)


Declaration = Column | Computed | Edge
DECLARATION = "maestro.declaration"
"""The metadata key under which a field carries its declaration."""


class Leaf(StrawberryField):
    """A field that reads a column; Strawberry's fast path resolves it, the row stands behind the object."""

    @property
    def is_basic_field(self) -> bool:
        """Say that no arguments and no info are needed."""
        return True


class Relation(StrawberryField):
    """A field that follows an edge."""

    @property
    def is_basic_field(self) -> bool:
        """Say that the context is needed."""
        return False

    @property
    def edge(self) -> Edge:
        """The declaration."""
        edge: Edge = self.metadata[DECLARATION]
        return edge

    @property
    def arguments(self) -> list[StrawberryArgument]:
        """The arguments that the declaring function has as parameters."""
        if self._arguments is None:
            declared = self.edge.arguments
            self._arguments = [] if declared is None else StrawberryResolver(declared).arguments
        return self._arguments

    @arguments.setter
    def arguments(self, value: list[StrawberryArgument]) -> None:
        self._arguments = value

    def get_result(self, source: Any, info: Info[Any, Any] | None, args: list[Any], kwargs: Any) -> Any:  # noqa: ARG002, PLR0917 -- Strawberry's signature
        """Follow the edge from one parent."""
        if info is None:  # pragma: no cover -- Strawberry passes it to every field that is not basic
            raise TypeError("an edge needs the context")
        key = self.edge.key_of(source, kwargs)
        if key is None:
            return None
        loaders, edge = info.context.loaders, self.edge
        loader = loaders[edge.loader] if edge.key is not None else loaders.asked(edge.loader)
        if edge.cached is not None:
            name = f"{info._raw_info.parent_type.name}.{info.field_name}"  # noqa: SLF001 -- Strawberry has no other name of the type
            loader = loaders.kept(loader, edge.cached, name=name)
        return self._follow(loader, key)

    async def _follow(self, loader: Loads, key: Any) -> Any:
        answer = await loader.load(key)
        return None if answer is None else self.shaped(answer)

    def shaped(self, answer: Any) -> Any:
        """Return the loader's answer as objects of the field's type."""
        match self.edge.shape:
            case Shape.ONE:
                return maker_of(self.type)(row=answer)
            case Shape.MANY:
                make = maker_of(self.type)
                return [make(row=row) for row in answer]
            case Shape.PAGE:
                connection = object_type(self.type)
                return connection(row=answer, make=_item_type(connection))
            case Shape.VALUE:
                return answer


def object_type(declared: Any) -> Callable[..., Any]:
    """Return the class inside optionals, lists and lazy references."""
    while True:
        if isinstance(declared, StrawberryContainer):
            declared = declared.of_type
        elif isinstance(declared, LazyType):
            declared = declared.resolve_type()
        else:
            made: Callable[..., Any] = declared
            return made


def maker_of(declared: Any) -> Callable[..., Any]:
    """Return what makes an object of a row: the class, or `of_row` of an interface, which looks at the row."""
    made = object_type(declared)
    return getattr(made, "of_row", made)


def _item_type(connection: Any) -> Callable[..., Any]:
    """Return the class of a connection's nodes."""
    (item,) = connection.__strawberry_definition__.type_var_map.values()
    return object_type(item)


def column(description: str, *, name: str | None = None, deprecation_reason: str | None = None) -> Any:
    """Declare a leaf that is the column of the same name."""
    return _without_init(
        Leaf(
            graphql_name=name,
            description=description,
            deprecation_reason=deprecation_reason,
            metadata={DECLARATION: Column()},
        )
    )


def computed(*columns: str, description: str, name: str | None = None) -> Callable[[Function], Any]:
    """Declare a leaf that is a pure function of the named columns; decorates a method."""
    return cast(
        "Callable[[Function], Any]",
        strawberry.field(description=description, name=name, metadata={DECLARATION: Computed(columns)}),
    )


def one(
    loader: type[Loads],
    *,
    key: str | None,
    arguments: Callable[..., Any] | None = None,
    cached: Cached | None = None,
    description: str,
) -> Any:
    """Declare an edge to one object, found by the value of a column; null where the column is."""
    return _relation(Edge(Shape.ONE, loader, key, arguments, cached), description)


def many(
    loader: type[Loads],
    *,
    key: str = "id",
    arguments: Callable[..., Any] | None = None,
    cached: Cached | None = None,
    description: str,
) -> Any:
    """Declare an edge to a list that is short by its nature; long ones are pages."""
    return _relation(Edge(Shape.MANY, loader, key, arguments, cached), description)


def page(
    loader: type[Loads],
    *,
    key: str | None = "id",
    arguments: Callable[..., Any],
    cached: Cached | None = None,
    description: str,
) -> Any:
    """Declare an edge to a page of a list as a Relay connection."""
    return _relation(Edge(Shape.PAGE, loader, key, arguments, cached), description)


def value(
    loader: type[Loads],
    *,
    key: str = "id",
    arguments: Callable[..., Any] | None = None,
    cached: Cached | None = None,
    description: str,
) -> Any:
    """Declare an edge whose answer is taken as it is: a count, a scalar, an object that the loader made."""
    return _relation(Edge(Shape.VALUE, loader, key, arguments, cached), description)


def declarations(fields: Sequence[StrawberryField]) -> dict[str, Declaration]:
    """Return what each declared field of a type says of itself, by its Python name."""
    return {field.python_name: field.metadata[DECLARATION] for field in fields if DECLARATION in field.metadata}


def _relation(edge: Edge, description: str) -> Any:
    return _without_init(Relation(description=description, metadata={DECLARATION: edge}))


def _without_init(field: StrawberryField) -> StrawberryField:
    # The object is made from its row alone, so no field of it may become a parameter of the constructor.
    field.init = field.repr = field.compare = False
    return field
