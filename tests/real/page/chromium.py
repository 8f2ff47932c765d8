"""
The browser that the tests drive: Debian's, never one that Playwright would fetch.
"""

import re
from pathlib import Path

CHROMIUM = Path("/usr/bin/chromium")

PLAYWRIGHT_LEAVES_OUT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,"
    "HttpsFirstBalancedModeAutoEnable,LensOverlay,MediaRouter,PaintHolding,"
    "ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,OptimizationHints,"
    "NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch"
)
"""Of two such switches only the last counts, and the last is ours."""

ARGUMENTS = [
    "--no-sandbox",  # which root cannot have, nor many a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # For its address bar, which nobody sees here, each window starts two processes more.
    f"--disable-features={PLAYWRIGHT_LEAVES_OUT},WebUIOmniboxPopup,WebUIOmniboxAimPopup",
]

TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
    console.error(`against the policy: ${event.violatedDirective} ${event.blockedURI}`
        + ` ${event.sourceFile}:${event.lineNumber} ${event.sample}`);
}, true);
"""

GIVEN_UP = "net::ERR_ABORTED"
"""How a request ends that the page itself ends, or that was under way when it was left."""

UNREACHABLE = (
    r"net::ERR_(CONNECTION|EMPTY_RESPONSE|INCOMPLETE_CHUNKED|NETWORK|INTERNET|TIMED_OUT|SOCKET)"
)
"""What the browser itself says of a daemon that is not there."""

REFUSED = r"the server responded with a status of {}\b"
"""And of an answer that is a refusal."""


class Trouble:
    """
    All that a browser complains of while somebody uses it.
    """

    def __init__(self, context):
        self.noted = []
        self._expected = []
        context.add_init_script(TELL_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda failure: self.noted.append(f"uncaught: {failure.error}"))
        context.on("requestfailed", self._failed)

    def _console(self, message):
        if message.type in ("error", "warning"):
            at = message.location
            self.noted.append(f"{message.type}: {message.text} ({at['url']}:{at['lineNumber']})")

    def _failed(self, request):
        if request.failure != GIVEN_UP:
            self.noted.append(f"failed: {request.method} {request.url}: {request.failure}")

    def expect(self, *patterns):
        """
        What a test provokes is none.
        """
        self._expected += patterns

    def forget(self):
        """
        @return: what nobody expected.
        """
        patterns, noted = self._expected, self.noted
        self._expected, self.noted = [], []
        return [each for each in noted if not any(re.search(one, each) for one in patterns)]
