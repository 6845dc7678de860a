"""All jobs: a module whose functions are registered has to be imported, and is so here."""

from jobs import backups as backups
from jobs import basing as basing
from jobs import checks as checks
from jobs import compaction as compaction
from jobs import exports as exports
from jobs import housekeeping as housekeeping
from jobs import imports as imports
from jobs import notifying as notifying
from jobs import optimizing as optimizing
from jobs import profiling as profiling
from jobs import pruning as pruning
from jobs import restores as restores
from jobs import syncs as syncs
from jobs import tidying as tidying
from jobs.registry import FOLLOWERS as FOLLOWERS
from jobs.registry import JOBS as JOBS
