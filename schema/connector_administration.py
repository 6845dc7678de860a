"""What is changed at vendors beside rows and objects, in the schema: one mutation, whose actions are one input."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON
from strawberry.types import Info

import resolvers.connector_administration
from maestro.access import Permission
from maestro.ids import Kind, uuid_of
from maestro.warehouse_sizes import WarehouseSize
from schema.connections import given
from schema.connectors import Connector
from schema.container_settings import ContainerAccessInput, ContainerMetadataInput
from schema.enums import described
from schema.guards import mutation
from schema.scalars import BigInt

described(
    WarehouseSize,
    "How much a warehouse of Snowflake computes at a time, and costs.",
    {
        "XSMALL": "The smallest.",
        "SMALL": "Twice XSMALL.",
        "MEDIUM": "Twice SMALL.",
        "LARGE": "Twice MEDIUM.",
        "XLARGE": "Twice LARGE.",
        "XXLARGE": "Twice XLARGE.",
    },
)
WAREHOUSE = "Its name, with its capitals."


@strawberry.input(description="A new warehouse of Snowflake. It is suspended, and starts when it is asked something.")
class CreateWarehouseInput:
    """What a warehouse is made of."""

    name: str = strawberry.field(description=WAREHOUSE)
    size: WarehouseSize = strawberry.field(description="How much it computes at a time.")
    auto_suspend_seconds: int = strawberry.field(
        default=60, description="It is suspended when it was idle for so long; 0 for never."
    )


@strawberry.input(description="Another size of a warehouse, for statements that begin from now on.")
class ResizeWarehouseInput:
    """What changes."""

    name: str = strawberry.field(description=WAREHOUSE)
    size: WarehouseSize = strawberry.field(description="How much it is to compute at a time.")


@strawberry.input(description="A warehouse of Snowflake.")
class WarehouseInput:
    """Which one."""

    name: str = strawberry.field(description=WAREHOUSE)


@strawberry.input(description="A new data set of BigQuery.")
class CreateDatasetInput:
    """What a data set is made of."""

    name: str = strawberry.field(description="Its name: letters, digits and underscores.")
    location: str | None = strawberry.field(
        default=UNSET, description="Where it lies, like `EU`; where the connector's data sets are unless told."
    )


@strawberry.input(description="A data set of BigQuery that goes.")
class DeleteDatasetInput:
    """Which one."""

    name: str = strawberry.field(description="Its name.")
    with_tables: bool = strawberry.field(
        default=False, description="Whether its tables go with it; otherwise CONFLICT when there are any."
    )


@strawberry.input(description="Rows for a table of BigQuery that can be read within seconds; each of them costs.")
class StreamRowsInput:
    """What is added."""

    schema: str = strawberry.field(description="The data set.")
    table: str = strawberry.field(description="The table.")
    rows: list[JSON] = strawberry.field(
        description="Up to 5,000 objects with a member a column. They are added 500 at a time: one that does not fit "
        "keeps its 500 out, and those after it."
    )


@strawberry.input(description="A job of BigQuery.")
class VendorJobInput:
    """Which one."""

    id: str = strawberry.field(description="The vendor's id of it.")


@strawberry.input(description="The bucket, container or folder of the connector.")
class ContainerInput:
    """Which one: that of the connector, said once more."""

    name: str = strawberry.field(
        description="Its name as the connector's settings have it, so that no other one than is meant is changed."
    )


@strawberry.input(description="Whether a bucket keeps what is replaced or deleted in it as versions.")
class VersioningInput:
    """What is set."""

    is_enabled: bool = strawberry.field(description="Whether versions are kept. Those that are there stay.")


@strawberry.input(description="A rule by which the vendor moves and deletes objects by their age.")
class LifecycleRuleInput:
    """A rule; what is left out is not done."""

    name: str = strawberry.field(description="Its name, of which there is one; not kept by Google Cloud Storage.")
    prefix: str = strawberry.field(default="", description="What the keys begin with, without the connector's prefix.")
    expire_days: int | None = strawberry.field(default=UNSET, description="After so many days an object is deleted.")
    expire_noncurrent_days: int | None = strawberry.field(
        default=UNSET, description="After so many days an earlier version is deleted."
    )
    abort_uploads_days: int | None = strawberry.field(
        default=UNSET, description="After so many days an upload that was begun is given up."
    )
    tier: str | None = strawberry.field(default=UNSET, description="The storage class that objects go to.")
    tier_days: int | None = strawberry.field(default=UNSET, description="After so many days they go there.")
    is_enabled: bool = strawberry.field(default=True, description="Whether it is followed.")


@strawberry.input(description="All lifecycle rules below the connector's prefix, in the place of those there are.")
class LifecycleRulesInput:
    """What is set."""

    rules: list[LifecycleRuleInput] = strawberry.field(description="The rules; none of them removes all.")


@strawberry.input(description="A role that members are to have, in the vendor's words.")
class AccessGrantInput:
    """A grant."""

    role: str = strawberry.field(description="The role, like `roles/storage.objectViewer`.")
    members: list[str] = strawberry.field(description="Who has it, like `group:ml@example.org`.")
    condition: JSON | None = strawberry.field(default=UNSET, description="Under which condition.")


@strawberry.input(description="All grants of a bucket of Google Cloud Storage, in the place of those there are.")
class AccessPolicyInput:
    """What is set."""

    etag: str = strawberry.field(
        description="The etag of the policy that was read: CONFLICT when somebody has changed it since."
    )
    grants: list[AccessGrantInput] = strawberry.field(description="The grants.")


@strawberry.input(description="Another storage class or access tier of an object.")
class ObjectTierInput:
    """What changes."""

    key: str = strawberry.field(description="The key of the object, without the connector's prefix.")
    tier: str = strawberry.field(description="One of the `tiers` of the connector's container.")


@strawberry.input(description="All metadata of an object, in the place of those there are.")
class ObjectMetadataInput:
    """What is set."""

    key: str = strawberry.field(description="The key of the object, without the connector's prefix.")
    metadata: JSON = strawberry.field(description="An object of texts: ASCII, their names in lower case.")
    media_type: str | None = strawberry.field(default=UNSET, description="Its media type; it stays unless given.")


@strawberry.input(one_of=True, description="What is to be done at the vendor: exactly one member.")
class ConnectorActionInput:
    """One action."""

    create_warehouse: CreateWarehouseInput | None = strawberry.field(
        default=UNSET, description="Snowflake: make a warehouse; CONFLICT when there is one of this name."
    )
    resize_warehouse: ResizeWarehouseInput | None = strawberry.field(
        default=UNSET, description="Snowflake: give a warehouse another size."
    )
    suspend_warehouse: WarehouseInput | None = strawberry.field(
        default=UNSET, description="Snowflake: let a warehouse end what it does, and stop costing."
    )
    resume_warehouse: WarehouseInput | None = strawberry.field(
        default=UNSET, description="Snowflake: start a warehouse; nothing happens to one that runs."
    )
    create_dataset: CreateDatasetInput | None = strawberry.field(
        default=UNSET, description="BigQuery: make a data set; CONFLICT when there is one of this name."
    )
    delete_dataset: DeleteDatasetInput | None = strawberry.field(
        default=UNSET, description="BigQuery: remove a data set."
    )
    stream_rows: StreamRowsInput | None = strawberry.field(
        default=UNSET, description="BigQuery: add rows that can be read within seconds."
    )
    cancel_job: VendorJobInput | None = strawberry.field(
        default=UNSET, description="BigQuery: ask for a job to be stopped, which takes seconds."
    )
    create_container: ContainerInput | None = strawberry.field(
        default=UNSET,
        description="All stores: make the bucket, container or folder; nothing happens where it is there and yours.",
    )
    delete_container: ContainerInput | None = strawberry.field(
        default=UNSET, description="All stores: remove the bucket, container or folder, if nothing is in it."
    )
    set_versioning: VersioningInput | None = strawberry.field(
        default=UNSET, description="S3, Google Cloud Storage: have versions kept, or not any more."
    )
    set_lifecycle_rules: LifecycleRulesInput | None = strawberry.field(
        default=UNSET, description="S3, Google Cloud Storage: set the rules for what lies below the connector's prefix."
    )
    set_access_policy: AccessPolicyInput | None = strawberry.field(
        default=UNSET, description="Google Cloud Storage: set who may do what with the bucket."
    )
    set_container_metadata: ContainerMetadataInput | None = strawberry.field(
        default=UNSET, description="Azure: set the metadata of the container."
    )
    set_container_access: ContainerAccessInput | None = strawberry.field(
        default=UNSET,
        description="Azure: open the container to everybody, or close it, and set its stored policies. It is named "
        "once more, since whoever knows the address of an open one reads it.",
    )
    set_object_tier: ObjectTierInput | None = strawberry.field(
        default=UNSET, description="S3, Google Cloud Storage, Azure: move an object to another tier."
    )
    set_object_metadata: ObjectMetadataInput | None = strawberry.field(
        default=UNSET, description="S3, Google Cloud Storage, Azure: set the metadata of an object."
    )


@strawberry.type(description="What was done at a connector's vendor.")
class ConnectorAdministered:
    """The outcome; what is selected of the connector is asked of the vendor afterwards."""

    connector: Connector = strawberry.field(description="The connector, which is asked anew for what it leads to.")
    row_count: BigInt | None = strawberry.field(description="How many rows were added; null for any other action.")


@strawberry.type
class ConnectorAdministrationMutations:
    """Root fields."""

    @mutation(
        Permission.CONNECTOR_MANAGE,
        description="Have something changed at a connector's vendor beside rows and objects: a warehouse, a data set, "
        "a bucket with its rules. It is in the audit log before it is begun. NOT_SUPPORTED for a vendor that has "
        "nothing of it.",
    )
    async def administer_connector(
        self,
        info: Info[Any, Any],
        id: Annotated[strawberry.ID, strawberry.argument(description="The connector's id.")],
        action: Annotated[ConnectorActionInput, strawberry.argument(description="What is to be done.")],
    ) -> ConnectorAdministered:
        """Administer."""
        ((name, values),) = given(action).items()
        row, count = await resolvers.connector_administration.administer(
            info.context, uuid_of(Kind.Connector, id), action=name, given=values
        )
        return ConnectorAdministered(connector=Connector(row=row), row_count=None if count is None else BigInt(count))
