"""
The process for each upload, by L{teamchatd.files.darkroom}.
"""

import os
import subprocess
import sys
from ast import literal_eval
from base64 import b64encode
from errno import EAGAIN, EMFILE
from resource import RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_FSIZE

import pytest
from attrs import evolve

from teamchatd.files import darkroom, inside
from teamchatd.files.darkroom import Darkroom, environment, limits
from teamchatd.files.inside import PICTURE, REFUSAL, packed, unpacked
from teamchatd.files.pictures import TOO_MUCH, Picture, UnusablePicture, develop, printed
from tests.files import corpus

ENOUGH = 1_000_000

real = pytest.mark.real

TOO_MUCH = TOO_MUCH.format(what="image")


@pytest.fixture
def instead(monkeypatch):
    """
    Has the process run something else.
    """

    def put(program):
        monkeypatch.setattr(darkroom, "PROGRAM", program)

    return put


@pytest.fixture
def at_most(monkeypatch):
    """
    Gives the process less than usual.
    """

    def put(**fewer):
        monkeypatch.setattr(
            darkroom, "limits", lambda weight, pixels: evolve(limits(weight, pixels), **fewer)
        )

    return put


def drawn(encoding):
    """
    An SVG with something to leave out, and a photograph that is to be turned.
    """
    photograph = b64encode(corpus.jpeg(orientation=6)).decode()
    return (
        f'<?xml version="1.0" encoding="{encoding}"?><!-- said -->'
        f"<svg><image href='data:image/jpeg;base64,{photograph}'/></svg>"
    ).encode(encoding)


# What is said through the slit


@pytest.mark.parametrize("pieces", [[], [b""], [b"a", b"", b"bc" * 1000]])
def test_pieces(pieces):
    assert unpacked(packed(pieces)) == pieces


def test_half_a_piece():
    """
    Of what was cut off, the whole pieces are read.
    """
    data = packed([b"one", b"two"])
    assert [len(unpacked(data[:end])) for end in (0, 3, 6, 7, 10, 13, 14)] == [0, 0, 0, 1, 1, 1, 2]
    assert unpacked(b"\xff\xff\xff\xff") == []


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b"something"],
        [PICTURE],
        [PICTURE, b"png"],
        [PICTURE, b"html", b"<script>"],
        [PICTURE, b"png", b"", b"html", b"<script>"],
        [PICTURE, b"png", b"", b"png"],
        [PICTURE, b"png", b"", b"png", b"", b"png", b""],
        [PICTURE, b"\xff", b""],
        [REFUSAL],
        [REFUSAL, b"a", b"b"],
    ],
)
def test_strange_answers(pieces):
    """
    What the process says is not believed: of five kinds of answer it can give two.
    """
    assert darkroom._picture(pieces) is None


def test_answers():
    png = printed(b"1", "png")
    assert darkroom._picture([PICTURE, b"png", b"1"]) == Picture(png, None)
    assert darkroom._picture([PICTURE, b"png", b"1", b"png", b"1"]) == Picture(png, png)
    with pytest.raises(UnusablePicture, match="^It is blue.$"):
        darkroom._picture([REFUSAL, b"It is blue."])


# What the process may


def test_limits_grow():
    """
    More pixels may take more, and nothing is without bound.
    """
    few, many = limits(1000, 1_000_000), limits(1000, 32_000_000)
    assert few.memory < many.memory < 1.5 * 2**30
    assert few.processor_seconds < many.processor_seconds < 60
    assert few.seconds < many.seconds < 120
    assert limits(10 * 2**20, 1).written < 50 * 2**20


def test_limits_are_set_first(monkeypatch):
    """
    Before it reads a byte, and no higher than somebody has set them before.
    """
    was_set = {}
    monkeypatch.setattr(inside, "getrlimit", lambda what: (5, 5 if what == RLIMIT_CPU else -1))
    monkeypatch.setattr(inside, "setrlimit", was_set.__setitem__)
    monkeypatch.setattr(inside.os, "nice", lambda by: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["-c", "1000", "10", "100"])
    with pytest.raises(ZeroDivisionError):
        inside.main()
    assert was_set == {
        RLIMIT_CORE: (0, 0),
        RLIMIT_FSIZE: (100, 100),
        RLIMIT_CPU: (5, 5),
        RLIMIT_AS: (1000, 1000),
    }


def test_environment(monkeypatch):
    """
    It gets the way to its modules, and nothing else that we know.
    """
    monkeypatch.setenv("TEAMCHAT_AUTH_JWT_SECRET", "s3cret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    monkeypatch.setenv("PYTHONSTARTUP", "/tmp/x.py")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    assert set(environment()) == {"PYTHONPATH"}
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    assert environment()["LD_LIBRARY_PATH"] == "/opt/lib"


def test_path(monkeypatch, tmp_path):
    """
    The modules are found from anywhere, and first those that we have ourselves.
    """
    home = os.path.dirname(os.path.dirname(os.path.dirname(darkroom.__file__)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", "relative", "/usr/lib/python"])
    assert environment()["PYTHONPATH"].split(":") == [
        home,
        str(tmp_path),
        str(tmp_path / "relative"),
        "/usr/lib/python",
    ]
    monkeypatch.setattr(sys, "path", ["/usr/lib/python", home])
    assert environment()["PYTHONPATH"].split(":") == ["/usr/lib/python", home]


def test_no_process(monkeypatch):
    """
    No process is our trouble, not the uploader's.
    """
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError):
        Darkroom().develop(corpus.png(), None, ENOUGH)


# The real thing


@real
@pytest.mark.parametrize(
    ("image", "thumbnail"),
    [
        (corpus.jpeg((800, 600), gps=True, orientation=6), None),
        (corpus.png((800, 600), "P"), corpus.webp()),
        (corpus.animated_webp(), None),
        (corpus.svg(), corpus.png((500, 500))),
        (corpus.jpeg((800, 600), icc_profile=corpus.icc()), corpus.jpeg((800, 600), "L")),
        (corpus.jpeg((800, 600), "CMYK"), corpus.jpeg((600, 800), "CMYK", orientation=3)),
        (corpus.png((800, 600), "I;16"), corpus.png((800, 600), "I;16", orientation=5)),
        (corpus.png((800, 600), "1"), corpus.png((800, 600), "P", transparency=1)),
        (corpus.png((800, 600), "LA"), corpus.png((800, 600), "RGBA", icc_profile=corpus.icc())),
        (corpus.webp((800, 600), "RGBA"), corpus.webp((800, 600), lossless=True, orientation=7)),
        (corpus.apng(3, (800, 600)), corpus.animated_webp(3, (800, 600))),
        (corpus.apng(2, (800, 600), default_image=True), corpus.mpo((800, 600))),
        (drawn("utf-16"), drawn("windows-1252")),
        (drawn("koi8-r"), drawn("iso-8859-15")),
    ],
)
def test_apart(image, thumbnail):
    """
    What comes out of the darkroom is what would have been made here.
    """
    assert Darkroom().develop(image, thumbnail, ENOUGH) == develop(image, thumbnail, ENOUGH)


@real
def test_large():
    """
    10 MiB go in and come out as they are.
    """
    data = corpus.png_of(10 * 1024 * 1024)
    picture = Darkroom().develop(data, None, 32_000_000)
    assert picture.image.data == data
    assert picture.thumbnail is not None


@real
@pytest.mark.parametrize(
    ("image", "thumbnail"),
    [
        (corpus.gif(), None),
        (corpus.bomb(), None),
        (corpus.png(), b""),
        (corpus.truncated(corpus.jpeg()), None),
        (b"", None),
    ],
)
def test_refused_apart(image, thumbnail):
    """
    A sentence comes out as it was.
    """
    with pytest.raises(UnusablePicture) as here:
        develop(image, thumbnail, ENOUGH)
    with pytest.raises(UnusablePicture) as there:
        Darkroom().develop(image, thumbnail, ENOUGH)
    assert str(there.value) == str(here.value)


def refused(data=None):
    with pytest.raises(UnusablePicture) as caught:
        Darkroom().develop(data or corpus.png(), None, 32_000_000)
    return str(caught.value)


@real
def test_memory(at_most):
    """
    What takes more memory than it may is too much work.
    """
    at_most(memory=96 * 2**20)
    assert refused(corpus.claims(5000, 5000)) == TOO_MUCH


@real
def test_processor(at_most, instead):
    """
    What works for too long is ended by the kernel.
    """
    at_most(processor_seconds=1)
    instead(
        "from teamchatd.files import inside, pictures\n"
        "def develop(*upload):\n"
        "    while True: pass\n"
        "pictures.develop = develop\n"
        "inside.main()"
    )
    assert refused() == TOO_MUCH


@real
def test_time(at_most, instead):
    """
    What does nothing at all is ended by us.
    """
    at_most(seconds=0.01)
    instead("import signal; signal.pause()")
    assert refused() == TOO_MUCH


@real
@pytest.mark.parametrize(
    "end",
    ["os.kill(os.getpid(), 11)", "os.abort()", "os._exit(3)", "1 / 0", "os._exit(0)"],
)
def test_crash(instead, end):
    """
    What breaks off in the middle was too much, whatever it was.
    """
    instead(
        "import os\n"
        "from teamchatd.files import inside, pictures\n"
        f"pictures.develop = lambda *upload: {end}\n"
        "inside.main()"
    )
    assert refused() == TOO_MUCH


@real
def test_cannot_begin(instead):
    """
    A process that does not get as far as to read is our trouble, and says why.
    """
    instead("import no_such_module")
    with pytest.raises(ChildProcessError, match="no_such_module"):
        Darkroom().develop(corpus.png(), None, ENOUGH)
    instead("pass")
    with pytest.raises(ChildProcessError, match="nothing was said"):
        Darkroom().develop(corpus.png(), None, ENOUGH)


@real
def test_talkative(instead, at_most):
    """
    An answer has an end, even of one who has taken over the process.
    """
    at_most(written=100_000)
    instead(
        "import os\n"
        "from teamchatd.files import inside, pictures\n"
        "pictures.develop = lambda *upload: [os.write(1, bytes(10_000)) for _ in range(1000)]\n"
        "inside.main()"
    )
    assert refused() == TOO_MUCH


SAYS = """
import os, resource, socket, sys
from teamchatd.files import drawing, inside, pictures, pixels
def seen(what, *more):
    try:
        return what(*more)
    except OSError as error:
        return error.strerror
def develop(*upload):
    raise pictures.UnusablePicture(repr({}))
pictures.develop = develop
if {}:
    os.setuid(65534)
inside.main()
"""
AROUND = (
    "[sorted(os.environ), os.getcwd(), sorted(sys.modules),"
    " [type(seen(os.fstat, number)) is not str for number in range(256)],"
    " resource.getrlimit(resource.RLIMIT_CORE)]"
)


@real
def test_nothing_to_steal(instead, monkeypatch, tmp_path):
    """
    It has no secret of ours, no file, no connection, and no part of the daemon.
    """
    monkeypatch.setenv("TEAMCHAT_AUTH_JWT_SECRET", "s3cret")
    with open(tmp_path / "database", "w") as file:
        os.set_inheritable(file.fileno(), True)
        instead(SAYS.replace("socket, ", "").format(AROUND, False))
        names, directory, modules, files, core = literal_eval(refused())
    assert set(names) <= {"PYTHONPATH", "LC_CTYPE", "LD_LIBRARY_PATH"}
    assert directory == "/"
    assert files == [True] * 3 + [False] * 253
    assert core == (0, 0)
    for name in ("twisted", "klein", "sqlite3", "socket", "teamchatd.config", "teamchatd.store"):
        assert name not in modules


@real
@pytest.mark.parametrize(
    "way",
    [
        "open, '/etc/passwd'",
        "open, f'/proc/{os.getppid()}/environ'",
        "os.listdir, '/'",
        "socket.socket",
        "os.pipe",
    ],
)
def test_nothing_to_open(instead, way):
    """
    When it looks at the upload, there is no way left to a file or to anybody else.
    """
    instead(SAYS.format(f"seen({way})", False))
    assert refused() == repr(os.strerror(EMFILE))


@real
def test_no_helpers(instead):
    """
    It begins no process, unless it is root's.
    """
    instead(SAYS.format("seen(lambda: os.fork() or os._exit(0))", os.getuid() == 0))
    assert refused() == repr(os.strerror(EAGAIN))


@real
def test_daemon_has_no_decoders():
    """
    Who only asks for pictures does not import what makes them.
    """
    program = (
        "import sys, teamchatd.files.darkroom, teamchatd.files.shelf\n"
        "sys.exit(any(name.partition('.')[0] == 'PIL' for name in sys.modules))"
    )
    home = environment() | {"PATH": os.environ["PATH"]}
    assert subprocess.run([sys.executable, "-c", program], env=home, check=False).returncode == 0
