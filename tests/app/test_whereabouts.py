"""Where the server of a data folder is reached, also when its port is not the one that is set."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.whereabouts import FILE, address_of, current_address, published
from maestro.settings import Settings
from tests.app.conftest import Program, Server


def placed(folder: Path, **given: object) -> Settings:
    return Settings(data_dir=folder, _env_file=None, **given)  # type: ignore[arg-type,call-arg] # fields by their names, and a keyword of pydantic's


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8001"),
        ("example.org", "http://example.org:8001"),
        ("0.0.0.0", "http://127.0.0.1:8001"),  # noqa: S104 -- nobody listens
        ("::1", "http://[::1]:8001"),
        ("::", "http://[::1]:8001"),
    ],
)
def test_an_address_leads_where_the_server_listens(tmp_path: Path, host: str, address: str) -> None:
    assert address_of(placed(tmp_path, host=host), 8001) == address


def test_the_public_address_goes_before_any_other(tmp_path: Path) -> None:
    assert address_of(placed(tmp_path, public_url="https://ml.example.org/"), 8001) == "https://ml.example.org"


def test_without_a_server_the_settings_tell_the_address(tmp_path: Path) -> None:
    assert current_address(placed(tmp_path / "none", port=8001)) == "http://127.0.0.1:8001"


def test_the_address_of_a_server_is_known_while_it_runs(tmp_path: Path) -> None:
    settings = placed(tmp_path, port=8001)
    with published(tmp_path, "http://127.0.0.1:9"):
        assert current_address(settings) == "http://127.0.0.1:9"
    assert current_address(settings) == "http://127.0.0.1:8001"
    assert list(tmp_path.iterdir()) == []


def test_an_address_that_a_killed_server_left_behind_does_not_count(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("http://127.0.0.1:9-and-more")
    settings = placed(tmp_path, port=8001)
    assert current_address(settings) == "http://127.0.0.1:8001"
    with published(tmp_path, "http://127.0.0.1:7"):
        assert current_address(settings) == "http://127.0.0.1:7"


def test_a_second_server_on_the_folder_leaves_the_address_of_the_first(tmp_path: Path) -> None:
    settings = placed(tmp_path)
    with published(tmp_path, "http://127.0.0.1:7"):
        with published(tmp_path, "http://127.0.0.1:9"):
            assert current_address(settings) == "http://127.0.0.1:7"
        assert current_address(settings) == "http://127.0.0.1:7"


def test_a_link_leads_to_the_running_server_whatever_its_port(server: Server) -> None:
    made = server.program.invoke("link", MAESTRO_PORT="1")
    assert made.exit_code == 0, made.stderr
    assert made.stdout.startswith(f"{server.url}/sign-in?token=")


def test_a_stopped_server_takes_its_address_away(program: Program) -> None:
    with program.serving() as server:
        assert (program.data / FILE).read_text() == server.url
        server.stop(signal.SIGTERM)
        assert not (program.data / FILE).exists()


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [(["--host", "nowhere.invalid"], "--host 127.0.0.1"), (["--host", "192.0.2.1", "--port", "0"], "--host 127.0.0.1")],
)
def test_a_host_that_cannot_be_listened_on_is_told(program: Program, arguments: list[str], advice: str) -> None:
    refused = program.invoke("serve", *arguments)
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"Error: Cannot listen on {arguments[1]}:")
    assert advice in refused.stderr
    assert "--port 8001" not in refused.stderr


def test_a_data_folder_that_is_a_file_is_told(program: Program) -> None:
    (program.folder / "file").touch()
    refused = program.run("serve", "--port", "0", MAESTRO_DATA_DIR="file/data")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: The data folder")
    assert "Traceback" not in refused.stderr


def test_ctrl_c_while_the_program_is_loading_prints_no_traceback(program: Program) -> None:
    started = [sys.executable, "-X", "importtime", "-m", "app", "version"]
    with subprocess.Popen(
        started, cwd=program.folder, env=program.environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        # Told of each module that is imported: this one is far below the command line, and its import is not the last.
        loaded = next(line for line in process.stderr if line.endswith(" click.exceptions\n"))
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert loaded
    assert process.returncode == -signal.SIGINT
    assert "Traceback" not in rest
