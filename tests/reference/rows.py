"""Every row of the breaker's table of transitions, as (From, On, If, To). The model counts how often each one
happens; a row that never happened in a differential run was not compared.
"""

STATES = ("closed", "open", "half_open", "forced_open", "disabled", "metrics_only")
TRIPS = ("CONSECUTIVE", "FAILURE_COUNT", "FAILURE_RATE", "SLOW_RATE")


def all_rows():
    for state in ("closed", "metrics_only"):
        yield state, "acquire", "", state
        yield state, "result ok", "streak 0", state
        yield state, "result ok", "streak > 0", state
        yield state, "result fail", "no trip", state
        yield state, "result", "a trip, but warming up", state
        yield state, "ignored or released", "", state
    for trip in TRIPS:
        yield "closed", "result", trip, "open"
        yield "metrics_only", "result", trip, "metrics_only"
    yield "metrics_only", "result", "would trip again", "metrics_only"
    yield "closed", "result", "trips, pushback is longer", "open"
    yield "closed", "acquire", "ramp: passes", "closed"
    yield "closed", "acquire", "ramp: rejected", "closed"
    for state in ("closed", "half_open", "metrics_only"):
        yield state, "acquire", "concurrency: rejected", state

    yield "open", "acquire", "now < deadline", "open"
    yield "open", "acquire", "now = deadline", "half_open"
    yield "open", "acquire", "now > deadline", "half_open"
    yield "open", "poll", "now >= deadline", "half_open"
    yield "open", "poll", "now < deadline", "open"

    yield "half_open", "acquire", "slot free", "half_open"
    yield "half_open", "acquire", "no slot", "half_open"
    yield "half_open", "result", "failures >= probe_failures", "open"
    yield "half_open", "result", "failed, pushback is longer", "open"
    yield "half_open", "result", "successes >= probe_successes", "closed"
    yield "half_open", "result", "sample bad: failed", "open"
    yield "half_open", "result", "sample bad: slow", "open"
    yield "half_open", "result", "sample good", "closed"
    yield "half_open", "result", "undecided", "half_open"
    yield "half_open", "result", "ok, but slow is failure", ""
    yield "half_open", "ignored or released", "", "half_open"
    for on in ("acquire", "poll"):
        yield "half_open", on, "lost probe", "open"
        yield "half_open", on, "lost probe", "half_open"
        yield "half_open", on, "idle", "open"
        yield "half_open", on, "idle", "closed"
    yield "half_open", "poll", "nothing due", "half_open"

    for state in STATES:
        yield state, "result of another generation", "", state
        yield state, "second completion", "", state
        yield state, "result of a rejected call", "", state
        for to in ("open", "half_open", "closed", "disabled", "metrics_only"):
            yield state, "force", "", to
        yield state, "reset", "", "closed"
        yield state, "hold", "", "forced_open"
        yield state, "release of an unknown hold", "", state
    yield "forced_open", "hold", "by the same holder", "forced_open"
    yield "forced_open", "release of a hold", "others hold", "forced_open"
    yield "forced_open", "release of a hold", "the last", "closed"
    yield "forced_open", "acquire", "", "forced_open"
    yield "disabled", "acquire", "", "disabled"
    yield "disabled", "result", "", "disabled"
    yield "disabled", "ignored or released", "", "disabled"
    for state in ("closed", "forced_open", "disabled", "metrics_only"):
        yield state, "poll", "", state
    yield "any", "entry to OPEN", "backoff limited by open_max_ms", "open"
    yield "any", "entry to OPEN", "attempt stays at 15", "open"


ROWS = tuple(all_rows())
assert len(set(ROWS)) == len(ROWS)


def table(counts):
    """The coverage as text, and the rows that never happened."""
    lines = [f"{'From':13} {'On':29} {'If':32} {'To':13} {'Times':>10}"]
    lines += [f"{a:13} {on:29} {condition:32} {to:13} {counts[a, on, condition, to]:10}"
              for a, on, condition, to in ROWS]
    return "\n".join(lines), [row for row in ROWS if not counts[row]]
