"""
A browser, as far as signing in through others needs one.
"""

from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, urlsplit


def query(url):
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


class Browser:
    """
    @ivar cookies: by name; a cookie that is over is gone.
    """

    def __init__(self, daemon, provider):
        self._daemon, self._provider = daemon, provider
        self.cookies = {}

    def get(self, url):
        at = urlsplit(url)
        headers = {}
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={each}" for name, each in self.cookies.items())
        answer = self._daemon.get(f"{at.path}?{at.query}", **headers)
        for name, each in SimpleCookie(answer.headers.get("set-cookie", "")).items():
            self.cookies[name] = each.value
            if each["max-age"] == "0":
                del self.cookies[name]
        return answer

    def begin(self, provider_id="x"):
        """
        Go to the provider, and agree.

        @return: where it sends the browser back.
        """
        answer = self.get(f"/auth/oauth/{provider_id}")
        assert answer.status == 302, answer.body
        return self._provider.authorize(answer.headers["location"])

    def finish(self, url):
        """
        Come back.

        @return: what the application is told.
        """
        answer = self.get(url)
        assert answer.status == 302, answer.body
        told = query(answer.headers["location"])
        assert set(told) in ({"oauth_error"}, {"access_token", "refresh_token", "expires_in"})
        return told

    def sign_in(self, provider_id="x"):
        return self.finish(self.begin(provider_id))

    def token(self, provider_id="x"):
        told = self.sign_in(provider_id)
        assert "oauth_error" not in told, told
        return told["access_token"]

    def refusal(self, provider_id="x"):
        return self.sign_in(provider_id)["oauth_error"]
