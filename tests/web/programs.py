"""The two programs of the demo, started on free ports with short times, and ended by their process."""
import json
import os
import re
import subprocess
import urllib.request

READY_S = 20
END_S = 10


class Program:
    def __init__(self, path, **environment):
        self.process = subprocess.Popen([path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env={**os.environ, **environment})
        self.ready = self.process.stdout.readline()
        if ' ready ' not in self.ready:
            self.end()
            raise RuntimeError(f'{path}: no ready line, but {self.ready!r}')

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        return self.process.returncode


class Demo:
    """service-b and service-a; settings are service-a's environment, such as CIRCUIT_RESET_TIMEOUT='1.5'."""

    def __init__(self, bin_dir, **settings):
        self.b = Program(f'{bin_dir}/service-b', RPC_ADDRESS='127.0.0.1:0')
        try:
            self.a = Program(f'{bin_dir}/service-a', HTTP_ADDRESS='127.0.0.1:0', RPC_ADDRESS='127.0.0.1:0',
                             SERVICE_B_ADDRESS=self.b.ready.split('rpc=')[1].strip(), **settings)
        except Exception:
            self.b.end()
            raise
        self.url = re.search(r'http://\S+', self.a.ready)[0]

    def end(self):
        codes = [self.a.end(), self.b.end()]
        if codes != [0, 0]:
            raise RuntimeError(f'exit codes {codes}')

    def get(self, path, **headers):
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def post(self, path):
        """The status of the answer."""
        try:
            with urllib.request.urlopen(urllib.request.Request(self.url + path, method='POST', data=b''),
                                        timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as answer:
            return answer.code

    def status(self):
        return json.loads(self.get('/circuit-status'))

    def trip(self):
        """Three failing calls: the circuit is open."""
        self.post('/induce-failure')
        for _ in range(3):
            self.post('/call-service-b')
