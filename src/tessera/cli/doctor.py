"""Look at this register and say what is wrong and how to mend it.

Looks at the settings, the SQLite in use, whether the program is compiled, the data folder, disk,
database, enrolment, secret files, central, clock and readers, and changes nothing. Run it as the
agent's user. Exit code 1 when something does not work as it should; warnings alone leave it at 0.
"""

import argparse
import json

from tessera.cli.agent_settings import add_config_option, settings_or_problems

EXAMPLES = """\
examples:
  tessera doctor
  tessera doctor --config agent.toml --json
"""

_MARKS = {"fine": "ok  ", "warning": "warn", "trouble": "FAIL"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object for programs")


def run(arguments: argparse.Namespace) -> int:
    """Look, and tell."""
    import time
    from dataclasses import asdict

    from tessera.agent.diagnosis import Finding, Grade, diagnose

    settings = settings_or_problems(arguments.config)
    if settings is None:
        if arguments.json:
            mistakes = Finding(
                check="settings",
                grade=Grade.TROUBLE,
                text=f"settings file {arguments.config} has mistakes",
                hint="mend them: standard error names each with its line",
            )
            print(json.dumps({"findings": [asdict(mistakes)]}))
        return 1
    findings = []
    for finding in diagnose(settings, wall_ms=time.time_ns() // 1_000_000):
        findings.append(finding)
        if not arguments.json:
            print(f"{_MARKS[finding.grade]}  {finding.check}: {finding.text}", flush=True)
            if finding.hint:
                print(f"      {finding.hint}", flush=True)
    if arguments.json:
        print(json.dumps({"findings": [asdict(finding) for finding in findings]}))
    return 1 if any(finding.grade is Grade.TROUBLE for finding in findings) else 0
