"""
Somebody through whom others sign in: an OAuth 2 and OpenID Connect provider.

It answers as it should, or, where a test wants it to, as it should not.  It
does not care how it is asked: in memory (L{Client}) or on a socket (L{Served}).
"""

import json
import secrets
import warnings
from base64 import b64decode, urlsafe_b64encode
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from treq.testing import StubTreq
from twisted.internet.defer import fail
from twisted.internet.error import ConnectionRefusedError
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

US, SECRET = "teamchat at the provider", "hush: it's 100%"

HTML = (502, "text/html", b"<h1>Bad Gateway</h1>")

SILENCE = None

NAMES = {
    "/login/oauth/authorize": "/authorize",  # as GitHub calls them
    "/login/oauth/access_token": "/token",
    "/user": "/userinfo",
    "/user/emails": "/emails",
}


@cache
def key(name):
    """
    A key pair: made once, RSA takes its time.
    """
    if name.startswith("ec"):
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(
        public_exponent=65537, key_size=1024 if "weak" in name else 2048
    )


def public(name):
    algorithm = jwt.get_algorithm_by_name("ES256" if name.startswith("ec") else "RS256")
    return algorithm.to_jwk(key(name).public_key(), as_dict=True) | {"kid": name, "use": "sig"}


def half_hash(token):
    return urlsafe_b64encode(sha256(token.encode()).digest()[:16]).rstrip(b"=").decode()


class Provider:
    """
    @ivar issuer: who it says it is.
    @ivar account: who sits before the browser, as the ID token and user info tell it.
    @ivar claims: what the ID token says instead; C{None} leaves a claim out.
    @ivar keys: the names of those that it publishes.
    @ivar signs_with: the key it signs with, and C{algorithm} how.
    @ivar instead: what it answers instead, by path; L{SILENCE} is nothing at all.
    @ivar document: what its description says instead.
    @ivar asked: the paths it was asked for.
    """

    def __init__(self, now, issuer="https://login.example"):
        self.now, self.issuer = now, issuer
        self.account = {"sub": "s-1", "email": "ada@example.org", "email_verified": True}
        self.claims, self.document, self.instead = {}, {}, {}
        self.keys, self.signs_with, self.algorithm, self.names_key = (
            ["rsa 1"],
            "rsa 1",
            "RS256",
            True,
        )
        self.refuses = None
        self.sends_issuer = None
        self.is_down = False
        self.emails = []
        self.asked, self.sent = [], []
        self._codes, self._tokens = {}, set()

    @property
    def origin(self):
        url = urlsplit(self.issuer)
        return f"{url.scheme}://{url.netloc}"

    def tell(self, **changes):
        self.account = {
            name: value for name, value in {**self.account, **changes}.items() if value is not None
        }

    # The browser comes

    def authorize(self, url):
        """
        Somebody is sent here, and agrees.

        @return: where they are sent.
        """
        asked = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
        assert asked["response_type"] == "code"
        assert asked["client_id"] == US
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["state"]) == len(asked["code_challenge"]) == 43
        self.sent.append(asked)
        back = {"state": asked["state"]}
        if self.refuses:
            back |= {"error": self.refuses, "error_description": "Call 555-1234!"}
        else:
            back["code"] = secrets.token_urlsafe(8)
            self._codes[back["code"]] = asked
        if self.sends_issuer:
            back["iss"] = self.sends_issuer
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    # The server comes

    def answer(self, method, path, headers, body):
        """
        @return: status, content type and body, or L{SILENCE}.
        """
        self.asked.append(path)
        path = NAMES.get(path, path)
        if path in self.instead:
            return self.instead[path]
        if path.endswith("/.well-known/openid-configuration"):
            return _json(self._describe())
        if path == "/keys":
            return _json({"keys": [public(name) for name in self.keys]})
        if path == "/token" and method == "POST":
            return self._grant(headers, parse_qs(body.decode()))
        if headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
            return _json({"error": "invalid_token"}, 401)
        told = {"/userinfo": self.account, "/emails": self.emails}
        return _json(told[path]) if path in told else (404, "text/plain", b"?")

    def _describe(self):
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "userinfo_endpoint": f"{self.origin}/userinfo",
            "jwks_uri": f"{self.origin}/keys",
            "authorization_response_iss_parameter_supported": self.sends_issuer is not None,
            **self.document,
        }

    def _grant(self, headers, form):
        form = {name: values[-1] for name, values in form.items()}
        if self._secret(headers, form) != (US, SECRET):
            return _json({"error": "invalid_client"}, 401)
        asked = self._codes.pop(form["code"], None)
        verifier = sha256(form["code_verifier"].encode()).digest()
        if (
            asked is None
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != asked["redirect_uri"]
            or urlsafe_b64encode(verifier).rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return _json({"error": "invalid_grant"}, 400)
        token = secrets.token_urlsafe(8)
        self._tokens.add(token)
        given = {"access_token": token, "token_type": "Bearer"}
        if "openid" in asked.get("scope", "").split():
            given["id_token"] = self._id_token(asked, token)
        return _json(given)

    def _secret(self, headers, form):
        """
        In one place, and never in both.
        """
        scheme, _, basic = headers.get("authorization", "").partition(" ")
        if scheme != "Basic":
            return form.get("client_id"), form.get("client_secret")
        assert "client_secret" not in form
        user, _, password = b64decode(basic).decode().partition(":")
        return unquote(user), unquote(password)

    def _id_token(self, asked, token):
        now = int(self.now())
        claims = {
            "iss": self.issuer,
            "aud": US,
            "exp": now + 300,
            "iat": now,
            "nonce": asked.get("nonce"),
            "at_hash": half_hash(token),
            **self.account,
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        headers = {"kid": self.signs_with} if self.names_key else {}
        secret = {"none": None, "HS256": SECRET * 3}.get(self.algorithm, "")
        if secret == "":
            secret = key(self.signs_with)
        with warnings.catch_warnings():  # it is told that its keys are weak; that is on purpose
            warnings.simplefilter("ignore")
            return jwt.encode(claims, secret, self.algorithm, headers)


def _json(told, status=200):
    return status, "application/json", json.dumps(told).encode()


class Client(StubTreq):
    """
    treq, with the provider at the other end of every address.
    """

    def __init__(self, provider):
        super().__init__(_InMemory(provider))
        ask = self.request

        def request(method, url, **how):
            assert how["allow_redirects"] is False
            return fail(ConnectionRefusedError()) if provider.is_down else ask(method, url, **how)

        self.request = request


class _InMemory(Resource):
    isLeaf = True

    def __init__(self, provider):
        super().__init__()
        self._provider = provider

    def render(self, request):
        headers = {
            name.decode().lower(): values[0].decode()
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        path, body = request.path.decode(), request.content.read()
        said = self._provider.answer(request.method.decode(), path, headers, body)
        if said is SILENCE:
            return NOT_DONE_YET
        status, kind, body = said
        request.setResponseCode(status)
        request.setHeader("content-type", kind)
        return body


class Served:
    """
    The provider on a port of this machine, with C{/authorize} for real browsers.
    """

    def __init__(self, now):
        self.stopped = stopped = Event()
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                url, provider = urlsplit(self.path), served.provider
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", 0)))
                if url.path == "/authorize":
                    self.send_response(302)
                    self.send_header("location", provider.authorize(self.path))
                    self.send_header("content-length", "0")
                    self.end_headers()
                    return
                said = provider.answer(self.command, url.path, headers, body)
                if said is SILENCE:
                    stopped.wait()
                    return
                status, kind, body = said
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.provider = Provider(now, f"http://127.0.0.1:{self._server.server_port}")
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self):
        """
        Nobody listens there any more.
        """
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
