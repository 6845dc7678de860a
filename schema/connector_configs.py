"""The settings of connectors in the schema: a type and an input for each vendor, made from the one table of vendors."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union, get_origin

import strawberry
from strawberry import UNSET

from maestro.db.tables.enums import ConnectorKind
from maestro.vendors import VENDORS, Vendor, wire_name


def _named(vendor: type[Vendor], *, is_input: bool) -> type:
    """Make the class of a vendor's settings, with their types and descriptions."""
    annotations, attributes = {}, {}
    for name, setting in vendor.model_fields.items():
        is_left_out = is_input and not setting.is_required()
        declared: Any = str if get_origin(setting.annotation) is Literal else setting.annotation
        annotations[name] = declared | None if is_left_out else declared
        attributes[name] = strawberry.field(
            name=wire_name(vendor, name),
            description=setting.description,
            **({"default": UNSET} if is_left_out else {}),
        )
    title = f"{vendor.__name__}Config{'Input' if is_input else ''}"
    return type(title, (), {"__annotations__": annotations, "__module__": __name__, **attributes})


def _settings(vendor: type[Vendor]) -> type:
    return strawberry.type(_named(vendor, is_input=False), description=f"Settings: {_lower(vendor)}")


def _settings_input(vendor: type[Vendor]) -> type:
    return strawberry.input(_named(vendor, is_input=True), description=f"Settings: {_lower(vendor)}")


def _lower(vendor: type[Vendor]) -> str:
    text = str(vendor.__doc__)
    return text[0].lower() + text[1:]


CONFIGS = {kind: _settings(vendor) for kind, vendor in VENDORS.items()}


def _config_input() -> type:
    annotations, attributes = {}, {}
    for kind, vendor in VENDORS.items():
        annotations[kind.lower()] = _settings_input(vendor) | None
        attributes[kind.lower()] = strawberry.field(default=UNSET, description=str(vendor.__doc__))
    made = type("ConnectorConfigInput", (), {"__annotations__": annotations, "__module__": __name__, **attributes})
    return strawberry.input(
        made,
        one_of=True,
        description="The kind of a connector with its settings, exactly one. "
        "A credential is no setting: setConnectorSecret stores it encrypted.",
    )


if TYPE_CHECKING:
    # Types made from data are no types to a checker.
    ConnectorConfig: TypeAlias = Any
    ConnectorConfigInput: TypeAlias = Any
else:
    ConnectorConfig = Annotated[
        Union[tuple(CONFIGS.values())],  # noqa: UP007 -- as many members as there are vendors
        strawberry.union("ConnectorConfig", description="The settings of a connector, by its kind."),
    ]
    ConnectorConfigInput = _config_input()


def config_of(kind: str, config: dict[str, Any]) -> Any:
    """Return stored settings as the object of their kind."""
    vendor = VENDORS[ConnectorKind(kind)]
    return CONFIGS[ConnectorKind(kind)](**{name: config.get(wire_name(vendor, name)) for name in vendor.model_fields})
