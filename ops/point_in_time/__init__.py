"""Returning to any second: base backups, the log between them, and side instances at a moment."""

from maestro.archive_settings import ArchiveLevel as ArchiveLevel
from ops.point_in_time.archive import Archive as Archive
from ops.point_in_time.bases import BaseBackup as BaseBackup
from ops.point_in_time.bases import bases as bases
from ops.point_in_time.bases import verify as verify
from ops.point_in_time.keeping import remove_old as remove_old
from ops.point_in_time.points import Point as Point
from ops.point_in_time.points import named_point as named_point
from ops.point_in_time.points import points as points
from ops.point_in_time.reach import Reach as Reach
from ops.point_in_time.reach import reach as reach
from ops.point_in_time.receiver import Reception as Reception
from ops.point_in_time.receiver import receive_forever as receive_forever
from ops.point_in_time.receiver import stop_receiving as stop_receiving
from ops.point_in_time.restoring import Rebuilt as Rebuilt
from ops.point_in_time.restoring import rebuild_data_folder as rebuild_data_folder
from ops.point_in_time.restoring import restore_to_time as restore_to_time
from ops.point_in_time.server import embedded_settings as embedded_settings
from ops.point_in_time.side import SideInstance as SideInstance
from ops.point_in_time.state import ArchiveState as ArchiveState
from ops.point_in_time.state import status as status
from ops.point_in_time.taking import make_base_backup as make_base_backup
from ops.point_in_time.targets import Target as Target
from ops.point_in_time.upkeep import Upkept as Upkept
from ops.point_in_time.upkeep import is_due as is_due
from ops.point_in_time.upkeep import keep_up as keep_up
