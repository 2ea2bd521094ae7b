"""Replaying sales: JSON lines and Parquet, one programme and two, on one process and on all cores.

The sales are the baskets of the shared workload, 10 to 30 lines under 200 offers, one after the
other: a heavier basket than most shops see. The draft changes three percentages. CPU seconds of all
processes together are what counts on a busy machine; the floor is parsing the same JSON alone.
"""

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks._pricing_workload import MONDAY, programme_text, workload

SALES = int(os.environ.get("SALES", "4000"))
CHANGED = 3


def sale_of(number: int) -> dict[str, Any]:
    baskets = workload()["baskets"]
    basket = baskets[number % len(baskets)]
    at = MONDAY + timedelta(days=basket["dow"], minutes=basket["minute"])
    tier = "" if basket["tier"] == "none" else basket["tier"]
    lines = [
        {
            "id": str(place),
            "sku": line["sku"],
            "quantity": str(line["qty"]),
            "amount_minor": line["amount"],
            "categories": [line["cat"]],
        }
        for place, line in enumerate(basket["lines"])
    ]
    return {
        "at": at.isoformat(),
        "store": str(number % 40),
        "member": {"member_id": f"m{number % 50_000}", "tier": tier},
        "basket": {"lines": lines, "coupons": basket["coupons"]},
    }


def written(folder: Path) -> None:
    current = programme_text(workload()["offers"])
    rows = current.splitlines()
    plain = [place for place, row in enumerate(rows) if "% off, in: lines" in row][:CHANGED]
    for place in plain:
        rows[place] = re.sub(r"give: (\d+) %", lambda found: f"give: {found[1]}.5 %", rows[place])
    (folder / "current.yaml").write_text(current)
    (folder / "draft.yaml").write_text("\n".join(rows) + "\n")
    with (folder / "sales.jsonl").open("w") as file:
        for number in range(SALES):
            file.write(json.dumps(sale_of(number)) + "\n")
    try:
        import pyarrow as pa
        import pyarrow.json
        import pyarrow.parquet
    except ImportError:
        return
    read = pyarrow.json.ReadOptions(block_size=1 << 24)
    parse = pyarrow.json.ParseOptions(explicit_schema=pa.schema([("at", pa.string())]))
    table = pyarrow.json.read_json(folder / "sales.jsonl", read, parse)
    pyarrow.parquet.write_table(table, folder / "sales.parquet", compression="zstd")


def spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(folder: Path, sales: str, workers: int, *, against: bool) -> tuple[float, float, str]:
    words = [sys.executable, "-m", "tessera", "programme", "replay", "--json"]
    words += ["--programme", str(folder / "draft.yaml"), "--workers", str(workers)]
    words += ["--against", str(folder / "current.yaml")] if against else []
    began_s, before_s = time.perf_counter(), spent()
    done = subprocess.run([*words, str(folder / sales)], capture_output=True, check=True)
    return time.perf_counter() - began_s, spent() - before_s, done.stdout.decode()


def main() -> None:
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder)
        text = (folder / "sales.jsonl").read_bytes().splitlines()
        began_s = time.process_time()
        for line in text:
            json.loads(line)
        floor_s = time.process_time() - began_s
        print(f"{SALES:,} sales, {sum(map(len, text)) / 1e6:.1f} MB of JSON, {cores} cores")
        print(f"floor: {floor_s / SALES * 1e6:.0f} µs a sale to parse the JSON\n")
        print("| sales | programmes | processes | sales/s | CPU ms a sale | 1 million |")
        print("|---|---|---|---|---|---|")
        answers = set()
        for file in ("sales.jsonl", "sales.parquet"):
            if not (folder / file).exists():
                print("| Parquet | pyarrow is not installed | | | | |")
                continue
            for against, workers in ((False, cores), (True, 1), (True, cores)):
                wall_s, cpu_s, answer = measured(folder, file, workers, against=against)
                if against:
                    answers.add(answer)
                each_ms = cpu_s / SALES * 1e3
                minutes = each_ms * 1e3 / 60 / cores
                print(
                    f"| {file} | {1 + against} | {workers} | {SALES / wall_s:,.0f}"
                    f" | {each_ms:.2f} | {minutes:.1f} min on each core |"
                )
        assert len(answers) == 1, "the answers differ"
        change = json.loads(answers.pop())["change"]
        print(f"\npriced once for both: {change['sales_untouched'] / SALES:.0%} of the sales")


if __name__ == "__main__":
    main()
