"""Two servers on one database and one Redis behind a real nginx, set up by the files in `deploy/`."""

import datetime as dt
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from maestro.postgres import attached
from tests.app.conftest import ROOT, Program, Server, folder_in, migrated
from tests.fixtures.emulators import free_port
from tests.fixtures.nginx import Proxy, proxying

HOST: Final = "ml.example.org"
OPERATIONS: Final = 300


@dataclass(kw_only=True)
class Site:
    """The proxy with the two servers, and what they have in common."""

    proxy: Proxy
    text: str
    programs: list[Program]
    ports: list[int]
    plain: int
    secure: int
    settings: dict[str, str]
    held: ExitStack
    servers: dict[int, Server] = field(default_factory=dict)

    def start(self, number: int) -> None:
        """Start one of the servers, at its port."""
        serving = self.programs[number].serving(**{**self.settings, "MAESTRO_PORT": str(self.ports[number])})
        self.servers[number] = self.held.enter_context(serving)

    @property
    def sign_in(self) -> str:
        """The path of a link that signs in."""
        found = re.search(rf"https://{re.escape(HOST)}(/sign-in\?token=\S+)", self.servers[0].printed)
        assert found is not None
        return found[1]

    def client(self, **headers: str) -> httpx.Client:
        """A client of the proxy."""
        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.secure}",
            headers={"host": HOST, **headers},
            verify=trusting(self.proxy.folder),
            trust_env=False,
            timeout=20,
        )

    def new_key(self, *options: str) -> str:
        made = self.programs[0].invoke("key", "create", "--name", "tests", *options, **self.settings)
        assert made.exit_code == 0, made.stderr
        return made.stdout.strip()

    def signed_in(self) -> httpx.Client:
        """A client of the proxy with a key of its own."""
        return self.client(authorization=f"Bearer {self.new_key()}")


def trusting(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "site.crt"))
    context.check_hostname = False
    return context


def certificate() -> dict[str, bytes]:
    """A certificate for the host, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.OID_COMMON_NAME, HOST)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = (encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"site.crt": made.public_bytes(encoding), "site.key": key.private_bytes(*private)}


def settings_of(database: str, redis: str) -> dict[str, str]:
    """What `deploy/maestro.env` says, with the addresses of the test."""
    lines = (ROOT / "deploy" / "maestro.env").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return settings | {
        "MAESTRO_HOST": "127.0.0.1",
        "MAESTRO_PORT": "0",
        "MAESTRO_TRUSTED_PROXIES": "127.0.0.1",
        "MAESTRO_DATABASE_URL": database,
        "MAESTRO_OPERATIONS_URL": database,
        "MAESTRO_REDIS_URL": redis,
        "MAESTRO_RATE_LIMIT_REQUESTS": f"{OPERATIONS}/day",
    }


def site_of(servers: list[int], *, plain: int, secure: int) -> str:
    """The text of `deploy/nginx/maestro.conf`, with the ports of the test."""
    text = (ROOT / "deploy" / "nginx" / "maestro.conf").read_text()
    for old, new in (
        ("server 10.0.0.11:8000", f"server 127.0.0.1:{servers[0]}"),
        ("server 10.0.0.12:8000", f"server 127.0.0.1:{servers[1]}"),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ", f"listen 127.0.0.1:{secure} "),
        ("/etc/nginx/ml.example.org.crt", "site.crt"),
        ("/etc/nginx/ml.example.org.key", "site.key"),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@contextmanager
def two_servers(reachable_folder: Path, initialised: Path, *, nginx: Path, redis_url: str) -> Iterator[Site]:
    """Two servers with folders of their own, whose stored files are in one, behind nginx."""
    with ExitStack() as held:
        owner = held.enter_context(migrated(reachable_folder, initialised))
        settings = settings_of(held.enter_context(attached(owner.data)).url("postgresql"), redis_url)
        programs = [Program(held.enter_context(folder_in(reachable_folder))) for _ in range(2)]
        shared = held.enter_context(folder_in(reachable_folder))
        for program in programs:
            program.data.mkdir()
            (program.data / "blobs").symlink_to(shared, target_is_directory=True)
        ports, plain, secure = [free_port(), free_port()], free_port(), free_port()
        text = site_of(ports, plain=plain, secure=secure)
        folder = held.enter_context(folder_in(reachable_folder))
        proxy = held.enter_context(proxying(nginx, folder, site=text, files=certificate()))
        made = Site(
            proxy=proxy,
            text=text,
            programs=programs,
            ports=ports,
            plain=plain,
            secure=secure,
            settings=settings,
            held=held,
        )
        for number in range(2):
            made.start(number)
        yield made
