"""Enums of syncs in the schema, with a description of each value."""

from maestro import sync_options
from maestro.db.tables import enums
from schema.enums import described

described(
    enums.PlanState,
    "What has become of a plan of a sync.",
    {
        "PLANNING": "It is being made.",
        "READY": "It can be started.",
        "FAILED": "It could not be made.",
        "STARTED": "It was started.",
        "EXPIRED": "Nobody has started it in time.",
    },
)
described(
    enums.SyncAction,
    "What a sync does with an object.",
    {
        "ADD": "Copies it to where there is none.",
        "UPDATE": "Replaces what the target has.",
        "REMOVE": "Removes it from the target.",
        "CONFLICT": "Nothing: it was changed later in the target.",
    },
)
described(
    enums.SyncItemState,
    "How far a sync has come with an object.",
    {
        "PENDING": "It is still to be done.",
        "DONE": "It is done.",
        "FAILED": "It could not be done.",
        "SKIPPED": "It was left as it is.",
    },
)
described(
    sync_options.SyncCompare,
    "How two objects are compared.",
    {
        "QUICK": "By size and by a digest that both stores tell, else by time: they are the same when that of the "
        "source is not newer.",
        "CHECKSUM": "By their bytes: digests that the stores do not tell are computed by reading both.",
    },
)
described(
    sync_options.SyncConflictPolicy,
    "What happens to an object that was changed later in the target than in the source.",
    {
        "SKIP": "It is left as it is, and told.",
        "SOURCE_WINS": "It is replaced.",
    },
)
