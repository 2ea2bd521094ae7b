import enum
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.core.settings_schema import Field, fields_of, type_text
from tessera.core.settings_text import SettingDoc, describe_settings, parse_settings, setting


class Mode(enum.Enum):
    LIVE = "live"
    TRAINING = "training"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    port: Path = setting("where the reader is")
    speed_baud: int = setting("its speed", default=9600, least=300, most=115200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    url: str = setting("central's address", least=8)
    token: str = setting("the register's secret", default="unset!!!", least=8, secret=True)
    pin: int = setting("a secret number", default=0, most=9999, secret=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    port: int = setting("the local API's port", default=8440, least=1, most=65535)
    keep_alive: bool = setting("keep connections", default=True)
    level: Literal["info", "debug"] = setting("how much is logged", default="info")
    first_port: int = setting("the range's first", default=1)
    last_port: int = setting("the range's last", default=2)

    def __post_init__(self) -> None:
        if self.last_port < self.first_port:
            raise ValueError(f"last_port {self.last_port} is below first_port {self.first_port}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Every kind of setting there is."""

    server: Server = setting("", default_factory=Server)
    link: Link | None = setting("", default=None)
    readers: tuple[Reader, ...] = setting("", default=(), most=3)
    rate: Decimal = setting("the rate", default=Decimal("0.1"), least=0, most=1)
    origins: tuple[str, ...] = setting("who may call", default=(), most=2)
    delays_s: tuple[int, ...] = setting("waiting times", default=(1, 2))
    mode: Mode = setting("live or not", default=Mode.LIVE, danger="training is never synced")
    place: str | None = setting("where it stands", default=None)
    folder: Path | None = setting("where it keeps things", default=None)
    grade: str = setting("a grade", default="a", choices=("a", "b"))
    made_later: int = field(default=0, init=False)


def problems(text: str, **environment: str) -> list[str]:
    value, found = parse_settings(text, file="shop.toml", schema=Shop, environment=environment)
    assert (value is None) == bool(found)
    return [problem.render() for problem in found]


def parsed(text: str, **environment: str) -> Shop:
    value, found = parse_settings(text, file="shop.toml", schema=Shop, environment=environment)
    assert found == []
    assert value is not None
    return value


FULL = """\
rate = "0.25"
origins = ["http://a", "http://b"]
delays_s = [1, 5]
mode = "training"
place = "aisle 3"
folder = "/srv/shop"
grade = "b"

[server]
port = 9000
keep_alive = false
level = "debug"

[link]
url = "https://central"
token = "secret-1"

[[readers]]
port = "/dev/ttyACM0"

[[readers]]
port = "/dev/ttyACM1"
speed_baud = 1200
"""


def test_a_whole_file_becomes_the_value_it_says() -> None:
    assert parsed(FULL) == Shop(
        server=Server(port=9000, keep_alive=False, level="debug"),
        link=Link(url="https://central", token="secret-1"),
        readers=(
            Reader(port=Path("/dev/ttyACM0")),
            Reader(port=Path("/dev/ttyACM1"), speed_baud=1200),
        ),
        rate=Decimal("0.25"),
        origins=("http://a", "http://b"),
        delays_s=(1, 5),
        mode=Mode.TRAINING,
        place="aisle 3",
        folder=Path("/srv/shop"),
        grade="b",
    )


def test_an_empty_file_means_the_defaults() -> None:
    assert parsed("") == Shop()


def test_a_whole_number_will_do_for_a_decimal() -> None:
    assert parsed("rate = 1").rate == Decimal(1)


@pytest.mark.parametrize(
    "text, problem",
    [
        (
            "\n[server]\nprot = 1",
            "shop.toml:3:1: server.prot: there is no such setting — did you mean port?",
        ),
        (
            "[link]\nurl = 'https://c'\nx9 = 1",
            "shop.toml:3:1: link.x9: there is no such setting — known here: url, token, pin",
        ),
        (
            "[server]\nport = '1'",
            'shop.toml:2:1: server.port: must be a whole number, 1 to 65535, but is "1"'
            " — write it without quotes",
        ),
        (
            "[server]\nport = true",
            "shop.toml:2:1: server.port: must be a whole number, 1 to 65535, but is true",
        ),
        (
            "[server]\nport = 65536",
            "shop.toml:2:1: server.port: must be a whole number, 1 to 65535, but is 65536",
        ),
        (
            "[server]\nfirst_port = 9223372036854775808",
            "shop.toml:2:1: server.first_port: is too large a number",
        ),
        (
            "[server]\nkeep_alive = 1",
            "shop.toml:2:1: server.keep_alive: must be true or false, but is 1",
        ),
        (
            "[server]\nlevel = 'inf'",
            'shop.toml:2:1: server.level: must be one of "info", "debug", but is "inf"'
            ' — did you mean "info"?',
        ),
        (
            "mode = 'x'",
            'shop.toml:1:1: mode: must be one of "live", "training", but is "x"',
        ),
        ("grade = 'c'", 'shop.toml:1:1: grade: must be one of "a", "b", but is "c"'),
        (
            "rate = 0.5",
            "shop.toml:1:1: rate: must be a decimal in quotes, 0 to 1, but is 0.5"
            ' — write "0.5" in quotes',
        ),
        (
            "rate = 'NaN'",
            'shop.toml:1:1: rate: must be a decimal in quotes, 0 to 1, but is "NaN"',
        ),
        (
            "rate = '1.01'",
            "shop.toml:1:1: rate: must be a decimal in quotes, 0 to 1, but is 1.01",
        ),
        ("place = []", "shop.toml:1:1: place: must be a text, but is a list"),
        ("place = {}", "shop.toml:1:1: place: must be a text, but is a table"),
        ("folder = ''", 'shop.toml:1:1: folder: must be a path, but is ""'),
        ("folder = 3", "shop.toml:1:1: folder: must be a path, but is 3"),
        (f"place = '{'x' * 4097}'", "shop.toml:1:1: place: is longer than 4096 characters"),
        ("place = 1979-05-27", "shop.toml:1:1: place: must be a text, but is 1979-05-27"),
        ("origins = 'x'", "shop.toml:1:1: origins: must be a list — write origins = [ … ]"),
        ("readers = 1", "shop.toml:1:1: readers: must be a list — write [[readers]]"),
        ("readers = [1]", "shop.toml:1:12: readers[0]: must be a table — write [[readers]]"),
        (
            "server = 1",
            "shop.toml:1:1: server: must be a table — write [server] and its settings below",
        ),
        (
            "origins = ['a', 'b', 'c']",
            "shop.toml:1:1: origins: must be a list of texts, 2 entries at most,"
            " but is 3 entries long",
        ),
        (
            "origins = [\n 'a',\n 2]",
            "shop.toml:3:2: origins[1]: must be a list of texts, 2 entries at most, but is 2",
        ),
        (
            f"delays_s = [{'1,' * 1001}]",
            "shop.toml:1:1: delays_s: has more than 1000 entries",
        ),
        (
            "[link]",
            "shop.toml:1:1: link.url: is missing — add url = … (a text, 8 characters or more)",
        ),
        ("\n[[readers]]", "shop.toml:2:1: readers[0].port: is missing — add port = … (a path)"),
        (
            "[server]\nfirst_port = 9\nlast_port = 8",
            "shop.toml:1:1: server: last_port 8 is below first_port 9",
        ),
        (
            f"'{'k' * 50}' = 1",
            f"shop.toml:1:1: {'k' * 40}…: there is no such setting — known here: server, link,"
            " readers, rate, origins, delays_s, mode, place, folder, grade",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_to_write(text: str, problem: str) -> None:
    assert problems(text) == [problem]


@pytest.mark.parametrize(
    "text, problem",
    [
        (
            "rate = 1\nmode = live",
            'shop.toml:2:8: invalid value — text is written in quotes: name = "value"',
        ),
        (
            "mode 'live'",
            "shop.toml:1:6: expected '=' after a key in a key/value pair"
            " — write key = value, or [table]",
        ),
        ("rate = 1\nrate = 1", "shop.toml:2: this key or table is given twice — keep one of them"),
        (
            "[server]\n[server]\n",
            "shop.toml:2:8: this key or table is given twice — keep one of them",
        ),
        ("\nplace = 'x", "shop.toml:2: unterminated string"),
        (f"rate = {'1' * 5000}", "shop.toml: a number is far too long"),
        ("rate = " + "[" * 20000, "shop.toml: brackets are nested too deeply"),
        (
            f"#{'x' * 65536}",
            "shop.toml: the file is larger than 64 KiB — is this the right file?",
        ),
    ],
)
def test_a_text_that_is_no_toml_is_told_with_its_place(text: str, problem: str) -> None:
    (found,) = problems(text)
    # The parser of a later Python may word it otherwise; what we say ourselves is fixed.
    assert found.startswith(problem.split(": ", 1)[0])
    assert "—" not in problem or found.endswith(problem.split("—")[1])


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems("rate = 2\nmode = 'x'\nxyz = 1\n[link]\n")
    assert [line.split(": ")[0:2] for line in found] == [
        ["shop.toml:1:1", "rate"],
        ["shop.toml:2:1", "mode"],
        ["shop.toml:3:1", "xyz"],
        ["shop.toml:4:1", "link.url"],
    ]


def test_a_secret_never_stands_in_a_message() -> None:
    found = "\n".join(
        problems("[link]\nurl = 'https://c'\ntoken = 'hunter2'\npin = 31337")
        + problems("[link]\nurl = 'https://c'\ntoken = 271828\npin = 'hunter2'")
    )
    assert found.count("link.token: must be a text, 8 characters or more") == 2
    assert found.count("link.pin: must be a whole number, 9999 at most") == 2
    assert not any(secret in found for secret in ("hunter2", "31337", "271828"))


# -- the environment


def test_a_variable_overrides_a_setting_of_the_file() -> None:
    value = parsed(
        "[server]\nport = 1\n",
        TESSERA__SERVER__PORT="2",
        TESSERA__SERVER__KEEP_ALIVE="false",
        TESSERA__RATE="0.75",
        TESSERA__MODE="training",
        PATH="/bin",
    )
    assert (value.server.port, value.server.keep_alive) == (2, False)
    assert (value.rate, value.mode) == (Decimal("0.75"), Mode.TRAINING)


def test_a_variable_can_give_a_table_that_the_file_leaves_out() -> None:
    value = parsed("", TESSERA__LINK__URL="https://central")
    assert value.link == Link(url="https://central")


def test_a_variable_that_names_no_setting_is_a_mistake() -> None:
    assert problems("", TESSERA__SERVER__PRT="2") == [
        "environment: TESSERA__SERVER__PRT: no such setting can be given in the environment"
        " — did you mean TESSERA__SERVER__PORT?"
    ]
    assert problems("", TESSERA__QQQQ="2") == [
        "environment: TESSERA__QQQQ: no such setting can be given in the environment — remove it"
    ]


def test_a_wrong_value_in_a_variable_names_the_variable() -> None:
    found = problems(
        "", TESSERA__SERVER__PORT="x", TESSERA__SERVER__KEEP_ALIVE="no", TESSERA__RATE="2"
    )
    assert sorted(found) == [
        "environment: TESSERA__RATE: must be a decimal in quotes, 0 to 1, but is 2",
        "environment: TESSERA__SERVER__KEEP_ALIVE: must be true or false",
        "environment: TESSERA__SERVER__PORT: must be a whole number",
    ]


def test_a_list_is_not_given_in_the_environment() -> None:
    assert len(problems("", TESSERA__ORIGINS="http://a")) == 1


# -- the reference


def test_every_setting_is_described_with_type_bounds_default_and_variable() -> None:
    described = {doc.path: doc for doc in describe_settings(Shop)}
    assert list(described) == [
        "server.port",
        "server.keep_alive",
        "server.level",
        "server.first_port",
        "server.last_port",
        "link.url",
        "link.token",
        "link.pin",
        "readers[].port",
        "readers[].speed_baud",
        "rate",
        "origins",
        "delays_s",
        "mode",
        "place",
        "folder",
        "grade",
    ]
    assert described["server.port"] == SettingDoc(
        path="server.port",
        type_text="a whole number, 1 to 65535",
        default_text="8440",
        doc="the local API's port",
        danger="",
        environment="TESSERA__SERVER__PORT",
        is_required=False,
        is_secret=False,
    )
    assert described["mode"].danger == "training is never synced"
    assert described["link.token"].is_secret
    assert described["readers[].port"].environment == ""


def test_defaults_are_shown_as_they_would_be_written() -> None:
    shown = {doc.path: doc.default_text for doc in describe_settings(Shop)}
    assert shown["server.keep_alive"] == "true"
    assert shown["server.level"] == '"info"'
    assert shown["link.url"] == "required"
    assert shown["rate"] == '"0.1"'
    assert shown["origins"] == "none"
    assert shown["delays_s"] == "[1, 2]"
    assert shown["mode"] == '"live"'
    assert shown["place"] == "none"


@dataclass(frozen=True)
class Odd:
    sizes: tuple[Literal["s", "m"], ...] = setting("sizes", default_factory=tuple)
    flag: bool = setting("a flag", default=False)
    plain: str = "no metadata"
    rates: tuple[Decimal, ...] = setting("rates", default=(), least=1)


def test_a_list_of_choices_reads_well() -> None:
    texts = [type_text(each) for each in fields_of(Odd)]
    assert texts == [
        'a list of one of "s", "m"',
        "true or false",
        "a text",
        "a list of decimals in quotes, 1 entries or more",
    ]


def test_a_false_default_is_shown_as_false() -> None:
    assert [doc.default_text for doc in describe_settings(Odd)] == [
        "none",
        "false",
        '"no metadata"',
        "none",
    ]


@dataclass(frozen=True)
class Floating:
    share: float = 0.5


@dataclass(frozen=True)
class Either:
    name: str | int = "x"


@dataclass(frozen=True)
class Pair:
    both: tuple[str, int] = ("a", 1)


@pytest.mark.parametrize("schema", [Floating, Either, Pair])
def test_a_class_that_can_be_no_schema_is_our_own_mistake(schema: type) -> None:
    with pytest.raises(AssertionError, match=r"setting|tuple"):
        fields_of(schema)


def test_a_field_is_taken_apart() -> None:
    found = {each.name: each for each in fields_of(Shop)}
    reader: Field = found["readers"]
    assert (reader.kind, reader.is_list, reader.is_table) == (Reader, True, True)
    assert found["place"].is_optional


# -- whatever is thrown at it

WORDS = st.sampled_from(
    ["[server]", "[[readers]]", "[link]", "port", "rate", "url", "true", "0.5", "1", "'https://c'"]
    + ["=", "'", '"', '"""', "{", "}", "[", "]", ",", ".", "#", "\\"]
    + ["\n", "\r\n", " ", "é", "\0"]
)


@given(st.one_of(st.text(), st.lists(WORDS).map("".join), st.lists(WORDS).map(" ".join)))
def test_no_text_makes_it_fail(text: str) -> None:
    value, found = parse_settings(text, file="x.toml", schema=Shop)
    assert (value is None) == bool(found)
    assert all(problem.line <= text.count("\n") + text.count("\r") + 1 for problem in found)


@given(
    st.sampled_from([doc.environment for doc in describe_settings(Shop) if doc.environment]),
    st.text(),
)
def test_no_variable_makes_it_fail(name: str, text: str) -> None:
    value, found = parse_settings("", file="x.toml", schema=Shop, environment={name: text})
    assert (value is None) == bool(found)


def test_a_file_of_just_64_kibibytes_is_read() -> None:
    text = 'rate = "0.25"\n'
    assert parsed(text + "#" * (64 * 1024 - len(text))).rate == parsed(text).rate
