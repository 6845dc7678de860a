"""`python -m maestro_client send FILE`: send what could not be sent while the server was away."""

import argparse
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from maestro_client import journal
from maestro_client.client import Client
from maestro_client.courier import Courier, Entry
from maestro_client.errors import Away, Refused, TrackingError
from maestro_client.retrying import delay_s

ATTEMPTS: Final = 5


def main(arguments: list[str] | None = None) -> int:
    """Send each file, and remove it when all of it has arrived; return 1 when one has not."""
    parser = argparse.ArgumentParser(
        prog="python -m maestro_client", description="The server and the key are MAESTRO_URL and MAESTRO_API_KEY."
    )
    commands = parser.add_subparsers(required=True)
    send = commands.add_parser("send", help="send what could not be sent while the server was away")
    send.add_argument("file", nargs="+", type=Path, help="a file that a warning has named")
    given = parser.parse_args(arguments)
    return max(_send(path) for path in given.file)


def _send(path: Path) -> int:
    try:
        kept, entries = journal.opened(path)
        with closing(Courier(Client().line(), lambda: kept.begin, run_id=kept.run_id)) as courier:
            refused = sum(not _delivered(courier, entry) for entry in entries)
            run_id = courier.begin()
    except (TrackingError, OSError) as error:
        sys.stderr.write(f"{path} was not sent: {error}\n")
        return 1
    if refused:
        sys.stderr.write(f"{path}: {refused} entries were refused; the file is kept.\n")
        return 1
    path.unlink(missing_ok=True)
    sys.stdout.write(f"{path} was sent: {run_id}\n")
    return 0


def _delivered(courier: Courier, entry: Entry) -> bool:
    for failures in range(1, ATTEMPTS + 1):
        try:
            courier.deliver(entry)
        except Away as away:
            if failures == ATTEMPTS:
                raise
            time.sleep(delay_s(failures, at_least=away.after_s))
        except Refused as refused:
            if refused.is_of_everything or courier.run_id is None:
                raise
            sys.stderr.write(f"{refused}\n")
            return False
        except OSError as error:
            sys.stderr.write(f"A file cannot be read: {error}.\n")
            return False
        else:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
