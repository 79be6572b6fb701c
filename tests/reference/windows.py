"""The two windows that rates are taken over. totals() is (calls, failed calls, slow calls, weights of the failed)."""


class NoWindow:
    def add(self, now, failed, slow, weight):
        pass

    def totals(self, now):
        return 0, 0, 0, 0


class CountWindow:
    """The last `size` results."""

    def __init__(self, size):
        self.size = size
        self.results = []
        self.failed = self.slow = self.weight = 0

    def add(self, now, failed, slow, weight):
        if len(self.results) == self.size:
            old_failed, old_slow, old_weight = self.results.pop(0)
            self.failed -= old_failed
            self.slow -= old_slow
            self.weight -= old_weight
        self.results.append((failed, slow, weight))
        self.failed += failed
        self.slow += slow
        self.weight += weight

    def totals(self, now):
        return len(self.results), self.failed, self.slow, self.weight


class TimeWindow:
    """The results of the current bucket and of the `buckets` - 1 before it."""

    def __init__(self, start, bucket_ms, buckets):
        self.start, self.bucket_ms, self.buckets = start, bucket_ms, buckets
        self.kept = []  # [bucket number, calls, failed, slow, weight], oldest first
        self.calls = self.failed = self.slow = self.weight = 0

    def forget(self, now):
        current = (now - self.start) // self.bucket_ms
        while self.kept and self.kept[0][0] <= current - self.buckets:
            _, calls, failed, slow, weight = self.kept.pop(0)
            self.calls -= calls
            self.failed -= failed
            self.slow -= slow
            self.weight -= weight
        return current

    def add(self, now, failed, slow, weight):
        current = self.forget(now)
        if not self.kept or self.kept[-1][0] != current:
            self.kept.append([current, 0, 0, 0, 0])
        bucket = self.kept[-1]
        bucket[1] += 1
        bucket[2] += failed
        bucket[3] += slow
        bucket[4] += weight
        self.calls += 1
        self.failed += failed
        self.slow += slow
        self.weight += weight

    def totals(self, now):
        self.forget(now)
        return self.calls, self.failed, self.slow, self.weight


def new_window(config, now):
    if config.window == "count":
        return CountWindow(config.window_calls)
    if config.window == "time":
        return TimeWindow(now, config.window_ms // config.window_buckets, config.window_buckets)
    return NoWindow()
