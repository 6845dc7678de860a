import subprocess
from pathlib import Path

from sqlalchemy import make_url

from maestro.postgres import Address, EmbeddedPostgres, psql_command

ADDRESS = Address(Path("/a folder/with &"), 5433, "s3cret")


def test_the_url_leads_to_the_socket_whatever_its_folder_is_called() -> None:
    url = make_url(ADDRESS.url())
    assert (url.drivername, url.username, url.password) == ("postgresql+asyncpg", "maestro", "s3cret")
    assert (url.host, url.database) == (None, "maestro")
    assert dict(url.query) == {"host": "/a folder/with &", "port": "5433"}


def test_the_tcp_url_leads_to_loopback() -> None:
    assert ADDRESS.tcp_url() == "postgresql://maestro:s3cret@127.0.0.1:5433/maestro"


def test_an_address_does_not_print_its_password() -> None:
    assert "s3cret" not in repr(ADDRESS)


def test_the_shell_opens_on_the_database_with_no_password_on_its_command_line(folder: Path) -> None:
    with EmbeddedPostgres(folder) as address:
        command, environment = psql_command(address)
        printed = subprocess.check_output(
            [*command, "--no-psqlrc", "-Atc", "SELECT current_database(), current_user"], env=environment, text=True
        )
    assert printed == "maestro|maestro\n"
    assert address.password not in " ".join(command)
