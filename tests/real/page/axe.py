"""
axe-core, which finds in a page what keeps people out of it.
"""

from pathlib import Path

SOURCE = Path(__file__).with_name("vendor") / "axe.js"

TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]

OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""What another theme can change; all other rules ask for names, roles and sizes."""

FIND = """(only) => axe.run(document, {{
    runOnly: only ? {{type: "rule", values: only}} : {{type: "tag", values: {tags}}},
    resultTypes: ["violations"],
}}).then(({{violations}}) => violations.flatMap(({{id, help, nodes}}) => nodes.map(
    ({{target, failureSummary}}) => `${{id}}: ${{help}}: ${{target}}\\n${{failureSummary}}`)))
"""


class Axe:
    """
    It runs in a world of its own, as an extension of the browser does: it sees the same
    page, and neither the page's policy nor its names are touched for it.
    """

    def __init__(self, page):
        self._devtools = page.context.new_cdp_session(page)

    def violations(self, only=None):
        """
        @param only: the rules that are asked for, if not all that have one of L{TAGS}.
        @return: a paragraph for each thing that is wrong.
        """
        frame = self._devtools.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        asked = {"frameId": frame, "worldName": "axe"}
        world = self._devtools.send("Page.createIsolatedWorld", asked)["executionContextId"]
        if not self._evaluate("typeof axe === 'object'", world):
            self._evaluate(SOURCE.read_text("utf-8"), world)
        asked = FIND.format(tags=TAGS)
        return self._evaluate(f"({asked})({only or 'null'})", world)

    def _evaluate(self, expression, world):
        answer = self._devtools.send(
            "Runtime.evaluate",
            {
                "expression": expression,
                "contextId": world,
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")
