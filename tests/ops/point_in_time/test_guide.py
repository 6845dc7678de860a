import asyncio
import os
import re
import sys
from pathlib import Path

from maestro.archive_settings import ArchiveLevel
from tests.ops.point_in_time.conftest import Start, marks, running

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs" / "guides" / "point-in-time.md"
COMMANDS = re.findall(r"^\.venv/bin/python (-m app archive .*)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)


async def followed(command: str, folder: Path) -> str:
    """What a command of the guide prints, run as it stands on a data folder."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *command.split()),
        cwd=ROOT,
        env={**os.environ, "MAESTRO_DATA_DIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
    )
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return printed.decode()


async def test_the_guide_leads_from_a_lost_data_folder_to_one_with_every_row(start: Start) -> None:
    told, rebuilding = COMMANDS
    primary = await start(level=ArchiveLevel.RECEIVER)
    await primary.back_up()
    await primary.mark("kept")
    await primary.received()
    printed = await followed(told, primary.folder)
    assert re.search(r"any moment from +20\d\d-.* to 20\d\d-", printed)
    assert re.search(r"a disaster now loses +[\d.]+ s", printed)
    await primary.lose()
    printed = await followed(rebuilding, primary.folder)
    assert re.search(r"The database is as it was at 20\d\d-", printed)
    assert "What there was is in" not in printed
    async with running(primary.folder) as anew:
        assert await marks(anew.url) == ["kept"]
