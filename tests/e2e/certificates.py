"""A certificate authority for tests: keys and certificates in a directory of their own, made by the program openssl."""
import os
import shutil
import subprocess
import tempfile

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Authority:
    """ca.file("ca.pem"), and after ca.issue("b", ...): ca.file("b.pem"), ca.file("b.key")."""

    def __init__(self, name="ca"):
        self.folder = tempfile.mkdtemp(prefix="certificates.")
        openssl("req", "-x509", *CURVE, "-keyout", self.file("ca.key"), "-out", self.file("ca.pem"), "-days", "30",
                "-subj", f"/CN={name}")

    def file(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.file(name), "rb") as file:
            return file.read()

    def issue(self, name, hosts="DNS:localhost,IP:127.0.0.1"):
        request, extensions = self.file(name + ".csr"), self.file(name + ".ext")
        with open(extensions, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={hosts}\n")
        openssl("req", *CURVE, "-keyout", self.file(name + ".key"), "-out", request, "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.file("ca.pem"), "-CAkey", self.file("ca.key"),
                "-CAcreateserial", "-out", self.file(name + ".pem"), "-days", "5", "-extfile", extensions)

    def remove(self):
        shutil.rmtree(self.folder)
