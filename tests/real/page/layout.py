"""
Whether all of the page is where it belongs.
"""

SIZES = {"desk": (1440, 900), "telephone": (390, 844)}

LAYOUT = """async () => {
    const drawn = () => new Promise((done) => requestAnimationFrame(done));
    await drawn();
    await drawn();
    const faults = [];
    const wide = (what, node) => node && node.scrollWidth > node.clientWidth + 1
        && faults.push(`${what} is ${node.scrollWidth} wide, of ${node.clientWidth}`);
    wide("the document", document.documentElement);
    for (const log of document.querySelectorAll("[role=log]")) {
        wide("a log", log);
        const lines = [...log.querySelectorAll("[data-line]")];
        lines.slice(1).forEach((line, at) => {
            const above = lines[at].getBoundingClientRect();
            if (line.getBoundingClientRect().top < above.bottom - 0.5) {
                faults.push(`overlap: ${lines[at].textContent.slice(0, 80)}`);
            }
        });
    }
    for (const part of document.querySelectorAll("dialog[open] :is(.dialog-body, .dialog-form)")) {
        wide(`a ${part.className}`, part);
    }
    const inFront = document.querySelector("dialog[open], .picker, .backdrop, .drop-here");
    for (const button of inFront ? [] : document.querySelectorAll(".jump-button, .bar button")) {
        if (!button.checkVisibility({ visibilityProperty: true })) continue;
        const { left, top, width, height } = button.getBoundingClientRect();
        const over = document.elementFromPoint(left + width / 2, top + height / 2);
        if (!button.contains(over)) {
            faults.push(`covered: ${button.textContent}, by ${over?.className ?? "nothing"}`);
        }
    }
    for (const toolbar of document.querySelectorAll(".message:first-child > .toolbar")) {
        const log = toolbar.closest(".log");
        const cut = log.getBoundingClientRect().top - toolbar.getBoundingClientRect().top;
        if (log.scrollTop === 0 && cut > 0.5) faults.push(`the first buttons are cut by ${cut}`);
    }
    const parts = ".place .talk-head, .place .composer, .sidebar-foot";
    for (const part of document.querySelectorAll(parts)) {
        const { top, left, right, bottom, height } = part.getBoundingClientRect();
        const isHidden = !part.checkVisibility({ visibilityProperty: true });
        const isIn = Math.min(top, left, innerHeight - bottom, innerWidth - right) >= -0.5;
        if (!isHidden && !(isIn && height > 20)) {
            faults.push(`${part.className} is out of sight: ${[left, top, right, bottom]}`);
        }
    }
    return faults;
}"""


def faults(page):
    """
    Sentences about what is too wide, lies upon something else, or is out of sight.
    """
    return page.evaluate(LAYOUT)


PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def fits(page):
    """
    On a desk and in a hand.
    """
    for name in ("telephone", "desk"):
        width, height = SIZES[name]
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(PAINTED)  # at this size
        found = faults(page)
        assert found == [], f"{name}: {found}"


SHIFTS = """
globalThis.shifts = [];
new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries()) {
        shifts.push([value, ...sources.map(({ node }) => node?.className ?? node?.nodeName)]);
    }
}).observe({ type: "layout-shift", buffered: true });
"""
"""What moved by itself, and how much (W3C, Layout Instability), in all of the visit."""


def jumps(page):
    """
    Those that one would see; forgotten then.
    """
    seen = page.evaluate("() => shifts.splice(0)")
    return seen if sum(value for value, *_ in seen) >= 0.05 else []
