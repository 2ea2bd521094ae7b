"""The README's first sale is made as it stands there, with curl, against a real agent."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.agent import running_agent, stocked_till

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def sale_block() -> str:
    found = re.search(r"^## A first sale\n.*?^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_the_first_sale_takes_five_lines() -> None:
    assert len(sale_block().strip().splitlines()) == 5


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_first_sale_works_as_it_is_written(tmp_path: Path, shell: str) -> None:
    folder = tmp_path / "till"
    folder.mkdir(mode=0o700)
    stocked_till(folder)
    with running_agent(folder) as agent:
        (folder / "pairing.token").write_text(agent.token)
        script = sale_block().replace("127.0.0.1:8440", f"127.0.0.1:{agent.port}")
        assert script != sale_block()
        done = subprocess.run(
            [shell, "-ec", script],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    read, rest = json.JSONDecoder(), done.stdout
    answers = []
    while rest:
        answer, end = read.raw_decode(rest)
        answers.append(answer)
        rest = rest[end:].lstrip()
    quote, sold, status = answers
    assert quote["totals"]["due_minor"] == 450
    assert sold["result"] == "completed"
    assert sold["units"][0]["earned"] == 4
    assert status["queue"]["waiting"] == 1
