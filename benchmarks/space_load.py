"""Many requests from several clients against the Space: errors, mix-ups, waiting times, memory.

python benchmarks/space_load.py --requests 200 --clients 8 --output benchmarks/space_load.md

Exits with 1 after any error or mix-up, or where memory grew by more than 10 % from the first 20 requests to the last.
"""

import argparse
import os
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from gradio_client import Client, handle_file

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from spaces_demo.space_process import prepare_space, serving  # noqa: E402

STRETCH = 20  # requests
MEBIBYTE = 2**20
MOST_GROWTH = 0.10
"""Of the highest memory, from the first stretch to the last."""


def make_media(folder: Path) -> dict[str, Path]:
    """Clips and pictures whose answers differ in more than one way."""
    import av
    import numpy as np

    nobody = folder / "nobody.mp4"
    with av.open(str(nobody), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for index in range(15):
            picture = np.full((96, 128, 3), 90 + index, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    examples = ROOT / "examples"
    return {"clip": examples / "clip.mp4", "portrait": examples / "astronaut.png", "nobody": nobody}


def resident(process: int) -> float:
    """Resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEBIBYTE


def server_of(address: str) -> int:
    """Number of the process that serves an address."""
    port = address.rstrip("/").rpartition(":")[2]
    listening = subprocess.run(["ss", "-ltnpH", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    return int(listening.partition("pid=")[2].partition(",")[0])


def essence(result: dict) -> tuple:
    """What tells one file's answer from another's."""
    return result["kind"], result["people"], tuple(result["frame_size"]), result["label"], result["text"]


def run(
    address: str, media: dict[str, Path], requests: int, clients: int
) -> tuple[list[str], list[float], list[float]]:
    """Send the requests.

    Returns:
        What went wrong, the seconds that each request took, and the server's memory in MiB after each.
    """
    first = Client(address, verbose=False)
    expected = {name: essence(first.predict(handle_file(file), api_name="/analyze")) for name, file in media.items()}
    server, names = server_of(address), list(media)
    wrong, seconds, memory = [], [], []

    def one_client(number: int) -> None:
        client = Client(address, verbose=False)
        for index in range(number, requests, clients):
            name, start = names[(index + index // len(names)) % len(names)], time.perf_counter()
            try:
                result = essence(client.predict(handle_file(media[name]), api_name="/analyze"))
                if result != expected[name]:
                    wrong.append(f"request {index}, {name}: {result}")
            except Exception as error:
                wrong.append(f"request {index}, {name}: {error!r}")
            seconds.append(time.perf_counter() - start)
            memory.append(resident(server))

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(one_client, range(clients)))
    return wrong, seconds, memory


def failures_of(wrong: list[str], peaks: list[float]) -> list[str]:
    """Say in what the Space failed.

    Args:
        wrong: What went wrong with requests.
        peaks: Highest memory in each stretch.

    Returns:
        Sentences; none where it held.
    """
    failures, growth = [], peaks[-1] / peaks[0] - 1
    if wrong:
        failures.append(f"{len(wrong)} errors and mix-ups.")
    if growth > MOST_GROWTH:
        failures.append(f"Memory grew by {growth:.1%}; the limit is {MOST_GROWTH:.0%}.")
    return failures


def main() -> None:
    """Measure, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--output", type=Path, help="Markdown file to write; the terminal by default")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        media = make_media(Path(folder))
        with serving(prepare_space(Path(folder))) as address:
            start = time.perf_counter()
            wrong, seconds, memory = run(address, media, arguments.requests, arguments.clients)
            whole = time.perf_counter() - start
    peaks = [max(memory[start : start + STRETCH]) for start in range(0, len(memory), STRETCH)]
    lines = [
        "# The Space under load",
        "",
        f"```\n{shlex.join(['python', *sys.argv])}\n```",
        "",
        f"{datetime.now(UTC):%-d %B %Y}, {platform.machine()}, {len(os.sched_getaffinity(0))} virtual cores usable,"
        " shared with other work.",
        "",
        "| figure | value |",
        "|---|---|",
        f"| requests, clients | {len(seconds)}, {arguments.clients} |",
        f"| errors and mix-ups | {len(wrong)} |",
        f"| median and longest request | {statistics.median(seconds):.2f} s, {max(seconds):.2f} s |",
        f"| requests per second | {len(seconds) / whole:.2f} |",
        f"| highest memory in the first {STRETCH} | {peaks[0]:.0f} MiB |",
        f"| highest memory in the last {STRETCH} | {peaks[-1]:.0f} MiB ({peaks[-1] / peaks[0] - 1:+.1%};"
        f" limit {MOST_GROWTH:+.0%}) |",
        f"| highest memory in each {STRETCH}, MiB | {', '.join(f'{peak:.0f}' for peak in peaks)} |",
    ]
    report = "\n".join(lines + ["", *wrong]).rstrip() + "\n"
    if arguments.output is None:
        print(report)
    else:
        arguments.output.write_text(report)
    if failures := failures_of(wrong, peaks):
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
