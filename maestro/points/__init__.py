"""Metric points: checked, compressed into blocks, summarised and sampled; pure functions of columns, no database."""

from maestro.points.bins import BIN_POINTS as BIN_POINTS
from maestro.points.bins import pack_bins as pack_bins
from maestro.points.bins import unpack_bins as unpack_bins
from maestro.points.cells import Cells as Cells
from maestro.points.codec import decode as decode
from maestro.points.codec import encode as encode
from maestro.points.columns import BLOCK_POINTS as BLOCK_POINTS
from maestro.points.columns import NO_POINTS as NO_POINTS
from maestro.points.columns import Axis as Axis
from maestro.points.columns import PointColumns as PointColumns
from maestro.points.errors import DamagedBlock as DamagedBlock
from maestro.points.errors import PointError as PointError
from maestro.points.errors import UnknownCodec as UnknownCodec
from maestro.points.sampling import Level as Level
from maestro.points.sampling import ReadPlan as ReadPlan
from maestro.points.sampling import Sampled as Sampled
from maestro.points.sampling import choose_level as choose_level
from maestro.points.sampling import plan_read as plan_read
from maestro.points.sampling import sample as sample
from maestro.points.sealed import CODEC as CODEC
from maestro.points.summary import Summary as Summary
from maestro.points.summary import summarise as summarise
