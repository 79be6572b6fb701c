"""Random configurations and random events, from a random.Random: the same seed gives the same ones."""
from config import CODES

GRID = 16
KINDS = 20  # random_config(rng, kind) for kind 0..KINDS-1 covers every policy


def ms(rng, low, high):
    return rng.randrange(low // GRID, high // GRID + 1) * GRID


def window(rng, kind):
    """None, the count window in its three sizes, the time window."""
    which = kind % 5
    if which == 0:
        return {"window": "none", "trip_consecutive": rng.randint(1, 6)}
    if which == 4:
        buckets = rng.choice((1, 2, 3, 5, 10, 20))
        c = {"window": "time", "window_buckets": buckets, "window_ms": buckets * ms(rng, 16, 2000)}
        size = 20
    else:
        size = rng.randint(*((1, 10), (20, 46), (47, 200))[which - 1])
        c = {"window": "count", "window_calls": size}
    c["window_min_calls"] = rng.choice((1, rng.randint(1, size), min(size, 5)))
    c["trip_consecutive"] = rng.choice((0, 0, rng.randint(4, 12)))
    trips = rng.sample(("trip_failure_rate", "trip_failures", "trip_slow_rate"), rng.randint(1, 3))
    if "trip_failure_rate" in trips:
        c["trip_failure_rate"] = rng.choice((0.1, 0.3, 0.5, 0.7, 1.0, round(rng.uniform(0.2, 1), 3)))
    if "trip_failures" in trips:
        c["trip_failures"] = rng.randint(2, 12 + size // 2)
    if "trip_slow_rate" in trips:
        c["trip_slow_rate"] = rng.choice((0.2, 0.5, 0.8, 1.0))
        c["slow_call_ms"] = ms(rng, 32, 320)
    return c


def probes(rng, kind):
    budget = rng.choice((1, 1, 2, 3, 4, 6, 8))
    c = {"probe_budget": budget, "probe_max_inflight": rng.choice((0, 0, rng.randint(1, budget)))}
    if kind % 3 == 2:
        c.update(probe_decision="sample", probe_sample=rng.randint(1, budget),
                 probe_failure_rate=rng.choice((0.25, 0.5, 0.6, 1.0)), probe_slow_rate=rng.choice((0.0, 0.5, 1.0)))
    else:
        c["probe_successes"] = rng.randint(1, budget)
        c["probe_failures"] = rng.randint(1, budget + 1 - c["probe_successes"])
    if rng.random() < 0.4:
        c["probe_slow_is_failure"] = True
    return c


def lease(rng, kind):
    c = {"probe_lease_action": rng.choice(("reopen", "replace"))}
    if rng.random() < 0.4:
        c["call_timeout_ms"] = ms(rng, 16, 3200)
    how = kind % 4
    if how == 1:
        c["probe_lease_ms"] = 0
    elif how > 1:
        c["probe_lease_ms"] = c.get("call_timeout_ms", 0) + ms(rng, 16, 2000)
    if kind % 2:
        c["half_open_max_ms"] = ms(rng, 16, 3200)
        c["half_open_timeout_to"] = "open" if kind % 4 == 1 else "closed"
    return c


def random_config(rng, kind):
    """A valid configuration. `kind` sees to it that a few of them already cover every policy."""
    c = {"open_ms": ms(rng, 160, 4000), **window(rng, kind), **probes(rng, kind), **lease(rng, rng.randrange(4))}
    if rng.random() < 0.6:
        c["open_backoff"] = rng.choice((1.1, 1.5, 2.0, 3.0, 1.25))
        c["open_max_ms"] = ms(rng, 16, 20000)
    if rng.random() < 0.3:
        c.update(open_jitter=rng.choice((0.1, 0.5, 1.0)), jitter_seed=rng.randrange(1 << 32))
    if rng.random() < 0.5 or "probe_slow_rate" in c or "probe_slow_is_failure" in c:
        c.setdefault("slow_call_ms", ms(rng, 16, 320))
    if kind % 4 == 3:
        c["ramp_ms"] = ms(rng, 16, 4000)
    if kind % 4 == 2:
        c["max_concurrency"] = rng.randint(1, 6)
    if kind % 3 == 0:
        c["warmup_ms"] = ms(rng, 16000, 160000)
    if rng.random() < 0.4:
        codes = rng.sample(CODES, rng.randint(1, 5))
        c["weight"] = ",".join(f"{code}={rng.randint(1, 16)}" for code in codes)
    if rng.random() < 0.3:
        c["failure_mask"] = ",".join(rng.sample(CODES, rng.randint(1, 9)))
    if rng.random() < 0.3:
        c["ignore_mask"] = ",".join(rng.sample(CODES, rng.randint(1, 4)))
    if rng.random() < 0.5:
        c["pushback_max_ms"] = ms(rng, 16, 8000)
    if rng.random() < 0.2:
        c["honour_pushback"] = False
    return c


def spoil(rng, config):
    """Makes a valid configuration one that has to be refused."""
    c = dict(config)
    faults = (
        {"probe_decision": "early", "probe_budget": 2, "probe_max_inflight": 0, "probe_successes": 2,
         "probe_failures": 2},
        {"probe_decision": "early", "probe_successes": 0}, {"probe_decision": "early", "probe_failures": 0},
        {"probe_decision": "sample", "probe_sample": 0},
        {"probe_decision": "sample", "probe_budget": 3, "probe_max_inflight": 0, "probe_sample": 4},
        {"probe_decision": "sample", "probe_budget": 3, "probe_max_inflight": 0, "probe_sample": 3,
         "probe_failure_rate": 0},
        {"probe_budget": 0}, {"probe_budget": 64},
        {"probe_decision": "early", "probe_budget": 2, "probe_successes": 1, "probe_failures": 1,
         "probe_max_inflight": 3},
        {"window": "none", "trip_failure_rate": 0.5}, {"window": "none", "trip_failures": 3},
        {"window": "none", "trip_slow_rate": 0.5, "slow_call_ms": 100},
        {"window": "count", "window_calls": 10, "window_min_calls": 1, "trip_slow_rate": 0.5, "slow_call_ms": 0},
        {"probe_slow_rate": 0.5, "slow_call_ms": 0},
        {"window": "count", "window_calls": 10, "window_min_calls": 11},
        {"window": "time", "window_ms": 1001, "window_buckets": 10},
        {"open_ms": 0}, {"open_ms": 86400001}, {"open_backoff": 0.9}, {"open_jitter": 1.1},
        {"trip_failure_rate": 1.5}, {"trip_failure_rate": -0.1},
        {"probe_lease_ms": 500, "call_timeout_ms": 500}, {"weight": "UNAVAILABLE=17"}, {"weight": "UNAVAILABLE=0"},
        {"failure_mask": "UNAVAILABLE,SOMETHING"}, {"window": "sliding"}, {"no_such_parameter": 1},
        {"trip_consecutive": 0, "trip_failure_rate": 0, "trip_failures": 0, "trip_slow_rate": 0},
    )
    c.update(rng.choice(faults))
    return c


class Events:
    """Picks the next event by looking at the model: deadlines are met exactly, one step before and one after."""

    IDS, HOLDERS = 48, ("a", "b", 7)

    def __init__(self, rng, script, calm=0.1):
        self.rng, self.script = rng, script
        self.t = 0
        self.failing = 0.3   # how many results fail at the moment
        self.calm = calm
        self.free = list(range(self.IDS))
        self.out, self.done = [], []
        self.plan = []

    def next(self):
        rng, breaker = self.rng, self.script.breaker
        self.t += self.step(breaker, rng.random())
        dice = rng.random()
        if self.t < self.script.config.warmup_ms and rng.random() < 0.05:
            return {"t_ms": self.t, "op": "force", "to": rng.choice(("metrics_only", "closed"))}
        if dice < 0.004:
            self.failing = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        if dice < 0.42:
            return {"t_ms": self.t, "op": "call", **self.result(rng)}
        if dice < 0.62:
            return self.acquire(rng)
        if dice < 0.86:
            return self.complete(rng)
        if dice < 0.91:
            return {"t_ms": self.t, "op": "poll"}
        if dice < 0.95:
            return {"t_ms": self.t, "op": "read"}
        if rng.random() < self.calm or breaker.state in ("forced_open", "disabled", "metrics_only"):
            return self.force(rng)
        return {"t_ms": self.t, "op": "call", "outcome": "fail"}

    def step(self, breaker, dice):
        """Mostly nothing or a few steps of the grid; sometimes to what is due next, or just beside it."""
        if dice < 0.6:
            return 0
        if dice < 0.85:
            return GRID * self.rng.randrange(1, 12)
        due = self.due(breaker)
        if due is None or dice > 0.985:
            return GRID * self.rng.randrange(1, 400)
        wait = due - self.t + self.rng.choice((-GRID, 0, 0, GRID))
        return max(wait + (-wait) % GRID if dice < 0.95 else wait, 0)

    def due(self, b):
        c = b.config
        if b.state == "open":
            return b.deadline
        if b.state == "half_open" and b.in_flight and c.lease_ms:
            return b.since + c.lease_ms
        if b.state == "half_open" and not b.in_flight and c.half_open_max_ms:
            return b.since + c.half_open_max_ms
        if b.state == "closed" and b.ramp_start is not None and self.t < b.ramp_start + c.ramp_ms:
            return b.ramp_start + c.ramp_ms
        return None

    def result(self, rng):
        dice = rng.random()
        if dice < 0.15:
            result = {"code": rng.randrange(17)}
        elif dice < 0.22:
            result = {"outcome": "ignored"}
        else:
            result = {"outcome": "fail" if rng.random() < self.failing else "ok"}
        dice = rng.random()
        slow = self.script.config.slow_call_ms
        if dice < 0.5 and slow:
            result["latency_ms"] = slow + rng.choice((-1, 0, 1, 1, 100))
        if dice < 0.1:
            result["pushback_ms"] = rng.choice((-1, 0, GRID * rng.randrange(1000)))
        return result

    def acquire(self, rng):
        if not self.free:
            self.recycle(rng)
        if not self.free:
            return self.complete(rng)
        key = self.free.pop()
        self.out.append(key)
        return {"t_ms": self.t, "op": "acquire", "id": key}

    def recycle(self, rng):
        """Completed ids may be used again; so may rejected ones."""
        tickets = self.script.tickets
        self.done += [key for key in self.out if not tickets[key].admitted]
        self.out = [key for key in self.out if tickets[key].admitted]
        rng.shuffle(self.done)
        keep = min(len(self.done), 6)
        self.free, self.done = self.done[keep:], self.done[:keep]

    def complete(self, rng):
        if self.done and rng.random() < 0.08:
            key = rng.choice(self.done)
        elif self.out:
            place = rng.randrange(len(self.out)) if rng.random() < 0.5 else -1
            key = self.out.pop(place)
            self.done.append(key)
        else:
            return {"t_ms": self.t, "op": "call", **self.result(rng)}
        if rng.random() < 0.12:
            return {"t_ms": self.t, "op": "release", "id": key}
        return {"t_ms": self.t, "op": "complete", "id": key, **self.result(rng)}

    def force(self, rng):
        event = {"t_ms": self.t, "op": "force"}
        dice = rng.random()
        if self.script.breaker.state == "forced_open" and dice < 0.6:
            event["to"] = "unforce" if dice < 0.35 else "forced_open"
        else:
            event["to"] = rng.choice(("open", "open", "half_open", "closed", "disabled", "metrics_only", "reset",
                                      "forced_open", "unforce"))
        if event["to"] in ("unforce", "forced_open") and rng.random() < 0.9:
            event["handle"] = rng.choice(self.HOLDERS)
        if event["to"] == "open" and rng.random() < 0.5:
            event["for_ms"] = GRID * rng.randrange(400)
        return event
