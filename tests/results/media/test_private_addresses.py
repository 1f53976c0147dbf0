"""Redirects and names that turn private, in a network namespace that no packet can leave."""

import shutil
import subprocess
import sys

import pytest
from django.conf import settings

# Every name is under .invalid, and the resolver is ours. There are no routes but that of loopback, where a server
# counts what reaches it.
SCRIPT = """
import socket, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
import django
django.setup()
from results.media import download

reached = []

class Inside(BaseHTTPRequestHandler):
    def do_GET(self):
        reached.append(self.path)
        self.send_response(302 if "hop" in self.path else 200)
        self.send_header("Location", "http://" + self.path.rpartition("=")[2] + "/secret")
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Inside)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_port
answers = {"turning.invalid": ["198.51.100.7", "127.0.0.1"], "both.invalid": [["93.184.215.14", "127.0.0.1"]]}
private = ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.1", "172.16.0.1", "0.0.0.0", "::1", "fd00::1",
           "fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "100.64.0.1", "224.0.0.1"]
answers |= {f"n{at}.invalid": [address] for at, address in enumerate(private)}
asked = []

def getaddrinfo(host, port, *args, **kwargs):
    asked.append(host)
    known = answers[host] if host in answers else [host]
    found = known.pop(0) if len(known) > 1 else known[0]
    found = [found] if isinstance(found, str) else found
    family = lambda address: socket.AF_INET6 if ":" in address else socket.AF_INET
    return [(family(address), socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

socket.getaddrinfo = getaddrinfo
download.CONNECT_SECONDS = 2.0

def opened(url, **options):
    try:
        with download.open_download(url, **options):
            return "opened"
    except download.DownloadError as error:
        return "refused"

for host in list(answers):
    print(host, opened(f"http://{host}:{port}/secret"))
trusted = {("127.0.0.1", port)}
for host in ("n0.invalid", "turning.invalid", "169.254.169.254", "0x7f000001", "2130706433", "localhost"):
    print("hop", host, opened(f"http://127.0.0.1:{port}/hop?to={host}:{port + 1}", trusted=trusted))
print("reached", [path for path in reached if "hop" not in path])
print("asked twice", [host for host in answers if asked.count(host) > 2])
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare is not installed")
def test_no_private_address_is_reached_by_a_name_or_a_redirect():
    alone = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system has no user namespaces")
    inside = f'ip link set lo up && exec {sys.executable} -c "$0"'
    process = subprocess.run(
        [*alone, "sh", "-c", inside, SCRIPT],
        cwd=settings.BASE_DIR,
        env={
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DUBROOM_DATA_DIR": str(settings.DATA_DIR),
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    lines = process.stdout.splitlines()
    assert len(lines) == 15 + 6 + 2, process.stderr
    assert [line for line in lines[:-2] if not line.endswith(" refused")] == []
    assert lines[-2:] == ["reached []", "asked twice []"]
