"""A person's first minute: open the link, open the query editor, run an example."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.app.conftest import Server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REPORTS = Path(__file__).parents[2] / "reports"
PATIENCE_MS = 45_000

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed, so no page is opened in a browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains of while a page is open; a test asserts that there is nothing."""
    return []


@pytest.fixture
def page(browser: Browser, server: Server, complaints: list[str]) -> Iterator[Page]:
    """An empty browser window, which notes errors and every request to another host."""
    context = browser.new_context(base_url=server.url, viewport={"width": 1400, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: note_foreign(complaints, request.url, server.url))
    yield opened
    context.close()


def note_foreign(complaints: list[str], url: str, ours: str) -> None:
    if not url.startswith((f"{ours}/", ours.replace("http", "ws", 1), "data:", f"blob:{ours}/")):
        complaints.append(f"a request to {url}")


def test_the_link_leads_to_a_query_editor_that_runs_its_first_example(
    server: Server, page: Page, complaints: list[str]
) -> None:
    token = server.program.run("link").stdout.strip().partition("token=")[2]
    page.goto(f"/sign-in?token={token}")
    expect(page.get_by_text("Signed in as Owner")).to_be_visible()
    page.get_by_role("link", name="GraphiQL").click()

    titles = [example["title"] for example in page.request.get("/graphiql/examples.json").json()]
    assert titles
    expect(page.get_by_role("tab")).to_have_count(len(titles), timeout=PATIENCE_MS)
    expect(page.locator(".graphiql-query-editor .view-lines")).to_contain_text(
        titles[0].split()[0], timeout=PATIENCE_MS
    )
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".graphiql-response .view-lines")
    expect(answer).to_contain_text('"data"', timeout=PATIENCE_MS)
    expect(answer).not_to_contain_text('"errors"')
    REPORTS.mkdir(exist_ok=True)
    page.screenshot(path=REPORTS / "graphiql.png")
    assert complaints == []


def test_a_stranger_is_led_from_the_query_editor_to_the_start_page(
    server: Server, page: Page, complaints: list[str]
) -> None:
    page.goto("/graphiql")
    expect(page).to_have_url(f"{server.url}/")
    expect(page.get_by_text("Nobody is signed in")).to_be_visible()
    assert complaints == []


def test_an_invitation_is_accepted_by_its_button(server: Server, page: Page, complaints: list[str]) -> None:
    invited = server.program.run(
        "member", "invite", "--email", "new@example.org", "--role", "MAINTAINER", "--name", "New"
    )
    page.goto(invited.stdout.strip())
    expect(page.get_by_text("Owner invites you.")).to_be_visible()
    REPORTS.mkdir(exist_ok=True)
    page.screenshot(path=REPORTS / "join.png")
    page.get_by_role("button", name="Join as New").click()
    expect(page.get_by_text("Signed in as New")).to_be_visible()
    assert complaints == []
