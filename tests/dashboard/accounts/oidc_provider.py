"""A small stand-in OpenID Connect provider on the loopback address."""

import base64
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import jwt

CLIENT_ID, CLIENT_SECRET = "dubroom", "a-secret-of-more-than-thirty-two-bytes"


class OidcProvider:
    """Signs in the person whose `claims` a test sets, without asking.

    It keeps the rules that a client could break: redirect address, the client's secret, each code once, and PKCE.
    """

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.refusals: list[str] = []

    def __enter__(self) -> Self:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(provider.get(urlsplit(self.path).path, self.headers.get("Authorization", "")))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.answer(provider.token({key: values[0] for key, values in parse_qs(body).items()}))

            def answer(self, found: dict[str, Any] | None) -> None:
                body = json.dumps(found or {"error": "invalid_grant"}).encode()
                self.send_response(200 if found else 400)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def get(self, path: str, authorization: str) -> dict[str, Any] | None:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/jwks",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        return self.claims if path == "/userinfo" and authorization == "Bearer an-access-token" else None

    def authorize(self, location: str) -> tuple[str, dict[str, str]]:
        """Answer a browser that was redirected here: return the path and the query to which it is sent back."""
        assert location.startswith(f"{self.url}/authorize?"), location
        query = {key: values[0] for key, values in parse_qs(urlsplit(location).query).items()}
        assert (query["client_id"], query["response_type"]) == (CLIENT_ID, "code")
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = query
        return urlsplit(query["redirect_uri"]).path, {"code": code, "state": query["state"]}

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        is_right = (
            asked is not None
            and challenge == asked["code_challenge"]
            and form.get("redirect_uri") == asked["redirect_uri"]
            and form.get("client_secret") == CLIENT_SECRET
        )
        if not is_right:
            self.refusals.append(str(form))
            return None
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": 1_700_000_000, "exp": 4_000_000_000} | self.claims
        return {
            "access_token": "an-access-token",
            "token_type": "Bearer",
            "id_token": jwt.encode(claims, CLIENT_SECRET, algorithm="HS256"),
        }
