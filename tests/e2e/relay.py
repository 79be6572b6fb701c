"""A relay between two programs that counts what the one really sends to the other: HTTP/2 HEADERS frames."""
import socket
import threading

from services import split_address

PREFACE_BYTES, FRAME_HEAD_BYTES, HEADERS = 24, 9, 1


class FrameCounter:
    """Counts the HEADERS frames of one direction of one connection, however the bytes are cut."""

    def __init__(self):
        self.pending, self.skip, self.headers = b"", PREFACE_BYTES, 0

    def feed(self, data):
        self.pending += data
        while True:
            if self.skip:
                step = min(self.skip, len(self.pending))
                self.pending, self.skip = self.pending[step:], self.skip - step
            if self.skip or len(self.pending) < FRAME_HEAD_BYTES:
                return
            self.headers += self.pending[3] == HEADERS
            self.skip = FRAME_HEAD_BYTES + int.from_bytes(self.pending[:3], "big")


class Relay:
    def __init__(self, target):
        self.target = split_address(target)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.lock, self.counters, self.sockets = threading.Lock(), [], [self.listener]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def calls(self):
        """Requests that went through so far."""
        with self.lock:
            return sum(counter.headers for counter in self.counters)

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self.target)
            except OSError:
                near.close()
                continue
            counter = FrameCounter()
            with self.lock:
                self.counters.append(counter)
                self.sockets += [near, far]
            for source, drain, count in ((near, far, counter), (far, near, None)):
                threading.Thread(target=self._pump, args=(source, drain, count), daemon=True).start()

    def _pump(self, source, drain, counter):
        try:
            while data := source.recv(65536):
                if counter:
                    with self.lock:
                        counter.feed(data)
                drain.sendall(data)
        except OSError:
            pass
        for end in (source, drain):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        with self.lock:
            for one in self.sockets:
                one.close()
