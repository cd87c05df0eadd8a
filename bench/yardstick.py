"""What a second of this machine's processor is worth: two pieces of work that were also timed where the goals were set.

Goals in processor time mean that machine. Another one, or the same one when its neighbours are busy, may take two or three
times as long for everything; the benchmarks print such a figure as it is and as it would be there. Media work is native code
and differs less than Python does.
"""

import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph
from cryptography.fernet import Fernet, MultiFernet

PREVIEW, DECRYPT = 0.251, 6.1e-6  # seconds of the processor there, for `preview` and for opening one secret
OPENED = 5000
WIDTH, HEIGHT, RATE, SECONDS = 1280, 720, 24, 3


def of_media() -> float:
    """How many times longer than there a small preview takes here, now."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "source.mp4"), Path(folder, "preview.mp4")
        draw(source)
        return min(_three(lambda: preview(source, out))) / PREVIEW


def of_python() -> float:
    """How many times longer than there it takes to open a secret, which is Python with a little native code."""
    return min(_three(_open_secrets)) / OPENED / DECRYPT


def of_waiting() -> float:
    """As of_python, but by the clock on the wall: what other processes take at this moment counts too."""
    return sum(_three(_open_secrets, time.perf_counter)) / 3 / OPENED / DECRYPT


def _open_secrets() -> None:
    box = MultiFernet([Fernet(Fernet.generate_key())])
    token = box.encrypt(b"sk-of-forty-characters-like-the-real-ones")
    for _ in range(OPENED):
        box.decrypt(token)


def _three(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> list[float]:
    """Seconds that each of three tries took; of the processor, unless another clock is given."""
    found = []
    for _ in range(3):
        began = clock()
        work()
        found.append(clock() - began)
    return found


def draw(path: Path) -> None:
    """The Mandelbrot set, zoomed into: the same picture on every machine, and much to encode."""
    graph = Graph()
    nodes = [
        graph.add("mandelbrot", f"size={WIDTH}x{HEIGHT}:rate={RATE}"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    ]
    nodes[0].link_to(nodes[1])
    nodes[1].link_to(nodes[2])
    graph.configure()
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "23"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.codec_context.gop_size = 2 * RATE
        for number in range((SECONDS + 1) * RATE):
            frame = nodes[2].pull()
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))


def preview(source: Path, path: Path) -> None:
    """Its first seconds again, 480 pixels wide and 15 a second, on all processors."""
    with av.open(str(source)) as container, av.open(str(path), "w", options={"movflags": "+faststart"}) as out:
        video = container.streams.video[0]
        video.thread_type = "AUTO"
        small = out.add_stream("libx264", rate=15, options={"preset": "veryfast", "crf": "27"})
        small.width, small.height, small.pix_fmt = 480, 270, "yuv420p"
        due, number = 0.0, 0
        for frame in container.decode(video):
            if frame.time > SECONDS:
                break
            if frame.time + 1e-6 < due:
                continue
            due += 1 / 15
            scaled = frame.reformat(480, 270, "yuv420p")
            scaled.pts, scaled.time_base = number, Fraction(1, 15)
            number += 1
            out.mux(small.encode(scaled))
        out.mux(small.encode(None))
