"""Numbers and findings in words, for both forms of a report."""

from typing import Any, Final

from loadtests.analysis.numbers import UNKNOWN, number

TITLES: Final = {
    "requests": ("requests in all", ""),
    "rate": ("answered in the phase that is judged", "/s"),
    "due_rate": ("rate that was held", "/s"),
    "ceiling_rate": ("bare Starlette, by the same generator", "/s"),
    "ceiling_cpu_ms": ("processor time of a request to bare Starlette", "ms"),
    "server_cpu_ms": ("processor time of a request, server", "ms"),
    "postgres_cpu_ms": ("processor time of a request, PostgreSQL", "ms"),
    "p50_ms": ("50 of 100 requests answered within, from when they were due", "ms"),
    "p95_ms": ("95 of 100", "ms"),
    "p99_ms": ("99 of 100", "ms"),
    "max_ms": ("all of them", "ms"),
    "sent_p95_ms": ("95 of 100, from when they were sent", "ms"),
    "cache_hit_rate": ("answers that were kept ones, of those that may be kept", "%"),
    "events": ("events that were told to those who follow runs", ""),
    "event_p95_ms": ("95 of 100 points were told within", "ms"),
    "most_answered": ("most that were answered in any phase", "/s"),
    "spike_rate": ("answered during the spike", "/s"),
    "spike_p95_ms": ("95 of 100 during the spike", "ms"),
    "spike_unsent": ("due during the spike, and never sent", ""),
    "recovery_s": ("back to normal within", "s"),
    "memory_mb": ("resident memory at the end", "MB"),
    "memory_growth": ("its growth after warm-up", "%"),
    "files_growth": ("growth of open files", ""),
    "threads_growth": ("growth of threads", ""),
    "tasks_growth": ("growth of tasks, by the server's metrics", ""),
    "served_cpu_ms": ("server's processor time of a served request", "ms"),
    "refused_cpu_ms": ("server's processor time of a refused request", "ms"),
    "refused_cost": ("a refused request to a served one", "%"),
    "served_rate": ("served as fast as they came", "/s"),
    "refused_rate": ("refused as fast as they came", "/s"),
    "served_postgres_cpu_ms": ("PostgreSQL's processor time of a served request", "ms"),
    "refused_postgres_cpu_ms": ("PostgreSQL's processor time of a refused request", "ms"),
    "checked": ("answers and events that were looked through", ""),
    "violations": ("of them with something of another organisation", ""),
    "trespasses": ("requests for something of another organisation", ""),
    "sockets": ("WebSockets, each with a subscription", ""),
    "sockets_mb": ("memory that they take", "MB"),
    "socket_kb": ("memory that one of them takes", "kB"),
    "told_cpu_ms": ("processor time of a change and a socket, server", "ms"),
    "server_mb": ("resident memory of the server with them", "MB"),
    "fanout_s": ("the slowest socket is told after, median of the changes", "s"),
    "fanout_slowest_s": ("the slowest socket of all changes", "s"),
}
"""What a measure is called, and its unit; the others are not shown."""
LIMITS: Final = {
    "": "nobody",
    "generator": "the generator",
    "server": "the server's core",
    "machine": "all cores together",
    "others": "other processes",
}


def measures_told(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what was measured, in words, without what was not."""
    measured = summary["measures"]
    told = [(title, number(measured.get(name), unit)) for name, (title, unit) in TITLES.items()]
    return [(title, value) for title, value in told if value != UNKNOWN]


def findings(summary: dict[str, Any]) -> list[str]:
    """Return sentences on what the numbers can and cannot tell."""
    phases, cores = summary["phases"], summary["run"]["cores"]
    found = [*_baseline(summary), *_limited(phases)]
    others = max((phase["others"] for phase in phases if phase["others"] == phase["others"]), default=0.0)
    if others > BUSY_SHARE * cores:
        found.append(
            f"Other processes of the machine took up to {others:.2f} of its {cores} cores: times and rates are worse "
            "than they would be by themselves; numbers of errors and ratios hold."
        )
    if summary["run"]["is_own_server"]:
        found.append(f"Server, PostgreSQL and generator share {cores} cores.")
    return found


BUSY_SHARE: Final = 0.1


def _baseline(summary: dict[str, Any]) -> list[str]:
    measured = summary["measures"]
    if summary["run"]["scenario"] != "baseline" or not measured.get("ceiling_rate"):
        return []
    share = 100 * measured["rate"] / measured["ceiling_rate"]
    reached = "" if summary["is_reached"] else ", where not all objectives were reached"
    told = (
        f"{number(measured['rate'])} requests a second were held{reached}: {number(share)} % of the "
        f"{number(measured['ceiling_rate'])} that the same generator gets from a bare Starlette application. "
        f"A request of the mix takes {number(measured['server_cpu_ms'])} ms of the server's core, one to the bare "
        f"application {number(measured['ceiling_cpu_ms'])} ms."
    )
    return [told]


def _limited(phases: list[dict[str, Any]]) -> list[str]:
    found = []
    for limit, said in (
        ("generator", "the generator was the limit: what was measured there is not the server's doing"),
        ("server", "the server's core was the limit"),
        ("others", "other processes of the machine left too little to all of these"),
        ("machine", "all cores were busy: everybody waited for everybody"),
    ):
        names = list(dict.fromkeys(phase["name"] for phase in phases if phase["limit"] == limit))
        if names:
            found.append(f"In {_listed(names)} {said}.")
    return found or ["Neither the generator nor the server's core nor the machine was the limit in any phase."]


def _listed(names: list[str]) -> str:
    quoted = [f"“{name}”" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
