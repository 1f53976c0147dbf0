"""A mail server for tests that speaks as much IMAP (RFC 3501) as reading a folder takes."""

import re
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class ImapServer(socketserver.ThreadingTCPServer):
    """One account with one folder of unseen emails, whose UIDs are 1, 2, and so on."""

    daemon_threads = True

    def __init__(self, user: str, password: str, emails: Sequence[bytes]) -> None:
        self.login = f'"{user}" "{password}"', f'{user} "{password}"', f"{user} {password}"
        self.emails = emails
        self.flags: dict[int, str] = {}
        self.folder = ""
        self.is_expunged = False
        super().__init__(("127.0.0.1", 0), _Session)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def answer(self, command: str) -> tuple[list[bytes], str]:
        """Return the untagged lines of the answer, and the tagged rest of it."""
        verb, _, rest = command.partition(" ")
        match verb.upper():
            case "CAPABILITY":
                return [b"CAPABILITY IMAP4rev1"], "OK"
            case "LOGIN":
                return [], "OK" if rest in self.login else "NO [AUTHENTICATIONFAILED] no"
            case "SELECT":
                self.folder = rest
                return [b"%d EXISTS" % len(self.emails)], "OK"
            case "UID":
                return self._uid(rest), "OK"
            case "EXPUNGE":
                self.is_expunged = True
        return [], "OK"

    def _uid(self, rest: str) -> list[bytes]:
        if rest.startswith("SEARCH"):
            unseen = [uid for uid in range(1, len(self.emails) + 1) if uid not in self.flags]
            return [b"SEARCH " + " ".join(map(str, unseen)).encode()]
        found = re.fullmatch(r"(FETCH|STORE) (\d+) (.*)", rest)
        assert found, rest
        uid = int(found[2])
        if found[1] == "STORE":
            self.flags[uid] = found[3].removeprefix("+FLAGS.SILENT ")
            return []
        raw = self.emails[uid - 1]
        return [b"%d FETCH (UID %d BODY[]<0> {%d}\r\n%s)" % (uid, uid, len(raw), raw)]


class _Session(socketserver.StreamRequestHandler):
    server: ImapServer

    def handle(self) -> None:
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag, _, command = line.decode().strip().partition(" ")
            untagged, result = self.server.answer(command)
            for answer in untagged:
                self.wfile.write(b"* " + answer + b"\r\n")
            self.wfile.write(f"{tag} {result} done\r\n".encode())


@contextmanager
def serve_imap(user: str, password: str, emails: Sequence[bytes]) -> Iterator[ImapServer]:
    with ImapServer(user, password, emails) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
