"""Has the emulator run 20,000 prompts of many kinds without a pause, and shows its memory and descriptors on the way.

Four clients at once send prompts that succeed, fail, are refused, cached or interrupted, upload, look at pictures, and
open and drop sockets. History keeps 10,000 prompts, as in ComfyUI: memory grows until it is full, and is flat from then
on. Ends with an error where it is not, or where a descriptor is left.

    python benchmarks/emulator_soak.py [PROMPTS]
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
import websocket
from PIL import Image

PROMPTS = 20_000
CLIENTS = 4
MARKS = 10
# After history is full, memory may still differ by what happens to run: pictures, sockets, the allocator's slack.
SLACK_MB = 16.0


def picture(n: int) -> bytes:
    """A PNG of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (n % 256, n // 256 % 256, 7)).save(stream, "PNG")
    return stream.getvalue()


def saving(n: int, **inputs: Any) -> dict[str, Any]:
    """A picture of one colour, saved in one of many folders."""
    colour = {"width": 32, "height": 32, "batch_size": 1, "color": n % 2**24}
    save = {"images": ["1", 0], "filename_prefix": f"{n // 200}/soak", **inputs}
    return {
        "1": {"class_type": "EmptyImage", "inputs": colour},
        "2": {"class_type": "SaveImage", "inputs": save},
    }


class Visitor(threading.Thread):
    """One client, which does what clients do until there are enough prompts."""

    def __init__(self, url: str, numbers: Iterator[int]) -> None:
        super().__init__()
        self.url, self.numbers = url, numbers
        self.http = requests.Session()
        self.problem: BaseException | None = None

    def run(self) -> None:
        """Sends prompts until the numbers end."""
        try:
            for n in self.numbers:
                self.one(n)
        except BaseException as problem:
            self.problem = problem
        self.http.close()

    def one(self, n: int) -> None:
        """One prompt; every so often of a rarer kind."""
        if n % 50 == 0:
            self.watched(n)
        elif n % 50 == 10:
            self.post("/prompt", {"prompt": saving(n, images=["9", 0])}, 400)
        elif n % 50 == 20:
            self.uploaded(n)
        elif n % 50 == 30:
            self.waited(self.taken({**saving(n), "2": {**saving(n, filename_prefix="../out")["2"]}}))
        elif n % 50 == 40:
            self.post("/interrupt", {"prompt_id": self.taken(saving(n))}, 200)
        else:
            self.waited(self.taken(saving(n - n % 3)))

    def post(self, path: str, body: Any, status: int) -> requests.Response:
        """An answer of the status that is due."""
        answer = self.http.post(self.url + path, json=body, timeout=60)
        assert answer.status_code == status, answer.text
        return answer

    def taken(self, prompt: dict[str, Any], client: str | None = None) -> str:
        """The id of a prompt that was taken."""
        ids = {"client_id": client} if client else {}
        return str(self.post("/prompt", {"prompt": prompt, **ids}, 200).json()["prompt_id"])

    def waited(self, prompt_id: str) -> dict[str, Any]:
        """The history of a prompt once there is one."""
        for _ in range(6000):
            entry = self.http.get(f"{self.url}/history/{prompt_id}", timeout=60).json().get(prompt_id)
            if entry is not None:
                return dict(entry)
            time.sleep(0.005)
        raise TimeoutError(prompt_id)

    def watched(self, n: int) -> None:
        """A prompt with a socket, of which every other one is dropped without a word."""
        sid = uuid.uuid4().hex
        socket = websocket.create_connection(f"{self.url.replace('http', 'ws', 1)}/ws?clientId={sid}", timeout=60)
        entry = self.waited(self.taken(saving(n), sid))
        image = next(iter(entry["outputs"].values()))["images"][0]
        assert self.http.get(self.url + "/view", params=image, timeout=60).content.startswith(b"\x89PNG")
        if n % 100:
            socket.close()
        else:
            socket.shutdown()

    def uploaded(self, n: int) -> None:
        """A picture that goes up, and through a prompt."""
        files = {"image": (f"soak-{n % 1000}.png", picture(n))}
        name = self.http.post(f"{self.url}/upload/image", files=files, timeout=60).json()["name"]
        prompt = saving(n)
        prompt["1"] = {"class_type": "LoadImage", "inputs": {"image": name}}
        self.waited(self.taken(prompt))


def facts(process: int) -> tuple[float, int]:
    """The resident megabytes and open descriptors of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20, len(os.listdir(f"/proc/{process}/fd"))


@contextmanager
def emulator() -> Iterator[tuple[str, int]]:
    """An emulator in a process of its own: its address and process id."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "comfyproof", "serve", "--port", "0", "--folder", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        try:
            yield next(line.strip() for line in process.stdout if line.startswith("http://")), process.pid
        finally:
            process.terminate()
            process.wait()


def stretch(url: str, numbers: range) -> None:
    """All clients through some prompts."""
    shared, lock = iter(numbers), threading.Lock()

    def taken() -> Iterator[int]:
        while True:
            with lock:
                number = next(shared, None)
            if number is None:
                return
            yield number

    visitors = [Visitor(url, taken()) for _ in range(CLIENTS)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
        if visitor.problem is not None:
            raise visitor.problem


def main() -> None:
    """Prints a line for each tenth of the way."""
    count = int(sys.argv[1]) if sys.argv[1:] else PROMPTS
    with emulator() as (url, process):
        stretch(url, range(200))
        print(f"{'prompts':>8}{'a second':>10}{'MB':>8}{'descriptors':>13}")
        marks = [facts(process)]
        print(f"{200:8}{'':10}{marks[0][0]:8.1f}{marks[0][1]:13}")
        for mark in range(MARKS):
            began = time.monotonic()
            stretch(url, range(200 + mark * count // MARKS, 200 + (mark + 1) * count // MARKS))
            time.sleep(1.0)  # for the last sockets to be seen closed
            seconds = time.monotonic() - began - 1.0
            marks.append(facts(process))
            print(f"{(mark + 1) * count // MARKS:8}{count / MARKS / seconds:10.0f}{marks[-1][0]:8.1f}{marks[-1][1]:13}")
    grown = marks[-1][0] - marks[MARKS // 2 + 1][0]
    left = marks[-1][1] - marks[0][1]
    print(f"in the second half {grown:+.1f} MB; descriptors {left:+}")
    if left > 0 or (count >= PROMPTS and grown > SLACK_MB):
        sys.exit("the emulator keeps what it should let go")


if __name__ == "__main__":
    main()
