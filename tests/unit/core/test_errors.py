from pathlib import Path

import pytest

from tessera.core.errors import Problem, TesseraError, has_errors, reason_of


class PortBusy(TesseraError):
    code = "port_busy"


def test_an_error_reads_as_its_message() -> None:
    error = TesseraError("port /dev/ttyACM0 is busy", hint="close the other program")
    assert (str(error), error.hint, error.code) == (
        "port /dev/ttyACM0 is busy",
        "close the other program",
        "",
    )


def test_a_kind_of_error_has_its_own_code_which_an_argument_overrides() -> None:
    assert PortBusy("busy").code == "port_busy"
    assert PortBusy("busy", code="port_claimed").code == "port_claimed"


def test_a_problem_renders_as_one_line_with_place_field_and_proposal() -> None:
    problem = Problem(
        file="agent.toml",
        line=7,
        column=3,
        field="server.prt",
        message="there is no such setting",
        proposal="did you mean port?",
    )
    assert problem.render() == (
        "agent.toml:7:3: server.prt: there is no such setting — did you mean port?"
    )


def test_what_a_problem_does_not_know_it_leaves_out() -> None:
    assert Problem(file="a.toml", message="is empty").render() == "a.toml: is empty"
    assert Problem(file="a.toml", message="is odd", line=2).render() == "a.toml:2: is odd"


def test_a_warning_says_so_and_is_no_error() -> None:
    warning = Problem(file="a.yaml", line=3, message="never applies", severity="warning")
    assert warning.render() == "a.yaml:3: warning: never applies"
    assert not has_errors([warning])
    assert has_errors([warning, Problem(file="a.yaml", message="is empty")])


def test_the_reason_of_a_failure_names_no_path_twice(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        (tmp_path / "missing").read_bytes()
    assert reason_of(missing.value) == "no such file or directory"
    assert reason_of(ValueError("What it says")) == "what it says"
