"""Users that send what is due, each over a connection of its own."""

import time
from itertools import count
from random import Random
from typing import Any, ClassVar, Final

from locust import task
from locust.contrib.fasthttp import FastHttpUser

from loadtests.generator.answers import REFUSED, VIOLATION, cache_of, error_of, judged
from loadtests.generator.mix import Asked, Asker, drawn
from loadtests.generator.running import Test
from loadtests.lines import Line
from loadtests.scenarios.phases import BARE

JSON: Final = "application/json"
PATIENCE_S: Final = 30.0
IDLE_S: Final = 3.0
"""A server may end a connection that was idle; a request that meets the end on its way would fail by nobody's fault."""
numbers = count()


class Sender(FastHttpUser):
    """Takes what is due from the line, draws what to ask, asks it, and notes the answer."""

    test: ClassVar[Test]
    network_timeout = PATIENCE_S
    connection_timeout = PATIENCE_S

    def on_start(self) -> None:
        """Become a user of one of the organisations; they have about as many each."""
        places = self.test.ground.places
        number = next(numbers)
        self.number = number % len(places)
        self.used = 0.0
        here = places[self.number]
        others = tuple(place for place in places if place is not here)
        self.user = Asker(here, others, Random(self.test.orders.seed * 1000 + number))
        # Not compressed: that would be measured at both ends.
        self.headers = {"Authorization": f"Bearer {here.key}", "Accept": JSON, "Accept-Encoding": "identity"}
        self.posted = {**self.headers, "Content-Type": JSON}

    @task
    def send(self) -> None:
        """Send for as long as the test goes."""
        arrivals = self.test.arrivals
        while True:
            due = arrivals.next()
            phase = arrivals.phase
            mix, name = (phase.mix, phase.name) if phase is not None else ("", "")
            if mix:
                error = self.ask(drawn(mix, self.user), due, phase=name, host=self.host_of(mix))
                arrivals.done(is_refused=error == REFUSED)

    def host_of(self, mix: str) -> str:
        """Return where the requests of a mix go to."""
        return str(self.test.orders.bare if mix == BARE else self.host)

    def ask(self, asked: Asked, due: float, *, phase: str, host: str) -> str:
        """Ask, note what came of it, and return the class of what went wrong."""
        began, at = time.perf_counter(), time.time()
        if began - self.used > IDLE_S:
            self.client.client.clientpool.close()
        with self.client.request(
            asked.via,
            f"{host}{asked.path}",
            asked.name,
            data=asked.body,  # type: ignore[arg-type] # bytes are sent as they are
            headers=self.headers if asked.body is None else self.posted,
            catch_response=True,
        ) as response:
            ms = 1000 * (time.perf_counter() - began)
            error = self.error_in(asked, response)
            if error:
                response.failure(error)
            else:
                response.success()
        self.used = time.perf_counter()
        late_ms = 1000 * max(0.0, began - due)
        cache = cache_of(response.headers.get("cache-status")) if response.status_code else ""
        size = len(response.content or b"")
        status = response.status_code
        self.test.recording.note(
            Line(at, phase, asked.name, asked.via, self.number, late_ms, ms, status, error, cache, size)
        )
        return error

    def error_in(self, asked: Asked, response: Any) -> str:
        """Return the class of what is wrong with an answer; empty for a good one."""
        if not response.status_code:
            return type(response.error).__name__
        content = response.content or b""
        if self.test.boundaries is not None and self.test.boundaries.are_crossed(self.number, content):
            return VIOLATION
        return judged(asked.name, error_of(response.status_code, content))
