"""Replaying sales: JSON lines and Parquet, one programme and two, on one process and on all cores.

The sales are the baskets of the shared workload, 10 to 30 lines under 200 offers, one after the
other: a heavier basket than most shops see. The draft changes three percentages. CPU seconds of all
processes together are what counts on a busy machine; the floor is parsing the same JSON alone.

With a number as an argument, so many sales that are all different are drawn from the workload's
lines (1 to 40 of them, over four weeks, of 200,000 members) and replayed once on all cores, with
progress: a million make 2 GB. `parquet` as a second argument writes and reads them as Parquet.
"""

import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks._pricing_workload import MONDAY, programme_text, workload

SALES = int(os.environ.get("SALES", "4000"))
CHANGED = 3
HALF = 0.5
STRETCH = 20_000


def lines_of(number: int) -> list[dict[str, Any]]:
    """The lines of a basket, without their ids."""
    return [
        {
            "sku": line["sku"],
            "quantity": str(line["qty"]),
            "amount_minor": line["amount"],
            "categories": [line["cat"]],
        }
        for line in workload()["baskets"][number]["lines"]
    ]


def sale_of(number: int) -> dict[str, Any]:
    baskets = workload()["baskets"]
    basket = baskets[number % len(baskets)]
    at = MONDAY + timedelta(days=basket["dow"], minutes=basket["minute"])
    tier = "" if basket["tier"] == "none" else basket["tier"]
    lines = [
        {"id": str(place), **line} for place, line in enumerate(lines_of(number % len(baskets)))
    ]
    return {
        "at": at.isoformat(),
        "store": str(number % 40),
        "member": {"member_id": f"m{number % 50_000}", "tier": tier},
        "basket": {"lines": lines, "coupons": basket["coupons"]},
    }


def drawn(count: int) -> Iterator[str]:
    """Give so many lines of JSON, no two baskets alike."""
    chance = random.Random(1)
    baskets = workload()["baskets"]
    lines = [json.dumps(line)[1:-1] for number in range(len(baskets)) for line in lines_of(number)]
    for number in range(count):
        sale = sale_of(number)
        at = MONDAY + timedelta(days=chance.randrange(28), minutes=baskets[number % 1000]["minute"])
        sale["at"] = at.isoformat()
        if sale["member"]["tier"] or chance.random() < HALF:
            sale["member"]["member_id"] = f"m{chance.randrange(200_000)}"
        else:
            del sale["member"]
        some = chance.sample(lines, len(sale["basket"].pop("lines")))
        rows = ", ".join(f'{{"id": "{place}", {line}}}' for place, line in enumerate(some))
        coupons = json.dumps(sale.pop("basket")["coupons"])
        yield f'{json.dumps(sale)[:-1]}, "basket": {{"coupons": {coupons}, "lines": [{rows}]}}}}\n'


def programmes_written(folder: Path) -> None:
    current = programme_text(workload()["offers"])
    rows = current.splitlines()
    plain = [place for place, row in enumerate(rows) if "% off, in: lines" in row][:CHANGED]
    for place in plain:
        rows[place] = re.sub(r"give: (\d+) %", lambda found: f"give: {found[1]}.5 %", rows[place])
    (folder / "current.yaml").write_text(current)
    (folder / "draft.yaml").write_text("\n".join(rows) + "\n")


def as_parquet(folder: Path) -> bool:
    """Write the same sales as Parquet, a stretch at a time; False without pyarrow."""
    try:
        import pyarrow as pa
        import pyarrow.json
        import pyarrow.parquet
    except ImportError:
        return False
    read = pyarrow.json.ReadOptions(block_size=1 << 24)
    parse = pyarrow.json.ParseOptions(explicit_schema=pa.schema([("at", pa.string())]))
    with (folder / "sales.jsonl").open("rb") as file:
        schema, writer = None, None
        while lines := list(islice(file, STRETCH)):
            table = pyarrow.json.read_json(BytesIO(b"".join(lines)), read, parse)
            if writer is None:
                schema = table.schema
                target = folder / "sales.parquet"
                writer = pyarrow.parquet.ParquetWriter(target, schema, compression="zstd")
            writer.write_table(table.cast(schema))
        if writer is not None:
            writer.close()
    return True


def written(folder: Path) -> None:
    programmes_written(folder)
    with (folder / "sales.jsonl").open("w") as file:
        for number in range(SALES):
            file.write(json.dumps(sale_of(number)) + "\n")
    as_parquet(folder)


def soak(count: int, kind: str) -> None:
    """Replay sales that are all different once, on all cores."""
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programmes_written(folder)
        with (folder / "sales.jsonl").open("w") as file:
            file.writelines(drawn(count))
        if kind == "parquet":
            as_parquet(folder)
            (folder / "sales.jsonl").unlink()
        size = (folder / f"sales.{kind}").stat().st_size / 1e6
        print(f"{count:,} sales, {size:,.0f} MB as {kind}, {cores} cores", flush=True)
        wall_s, cpu_s, answer = measured(folder, f"sales.{kind}", cores, against=True, told=True)
        change = json.loads(answer)["change"]
        print(f"{wall_s / 60:.1f} minutes, {count / wall_s:,.0f} sales/s", end=", ")
        print(f"{cpu_s / count * 1e3:.2f} ms of the processor a sale", end=", ")
        print(f"{cpu_s / 60 / cores:.1f} minutes if all cores were free")
        print(f"priced once for both: {change['sales_untouched'] / count:.0%} of the sales")
        print(json.dumps(change))


def spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(
    folder: Path, sales: str, workers: int, *, against: bool, told: bool = False
) -> tuple[float, float, str]:
    words = [sys.executable, "-m", "tessera", "programme", "replay", "--json"]
    words += ["--programme", str(folder / "draft.yaml"), "--workers", str(workers)]
    words += ["--against", str(folder / "current.yaml")] if against else []
    began_s, before_s = time.perf_counter(), spent()
    progress = None if told else subprocess.DEVNULL
    words.append(str(folder / sales))
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=progress, check=True)
    return time.perf_counter() - began_s, spent() - before_s, done.stdout.decode()


def main() -> None:
    if len(sys.argv) > 1:
        soak(int(sys.argv[1]), "parquet" if "parquet" in sys.argv[2:] else "jsonl")
        return
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
