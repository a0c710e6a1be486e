"""The workbench in a terminal: time to the first frame that shows the run, and how much of a core it takes when nothing happens.

    python3 benches/workbench.py target/release/cladist RUN_DIR [--idle SECONDS]

Needs nothing but Python. Prints medians of five starts.
"""

import argparse
import os
import pty
import select
import signal
import statistics
import struct
import fcntl
import termios
import time


def start(program, run):
    pid, master = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execv(program, [program, "tui", run, "--image-protocol", "halfblocks", "--theme", "dark"])
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return pid, master


def wait_for(master, texts, seconds=60):
    """Seconds until each text was on the screen, from now."""
    began, seen, found = time.perf_counter(), b"", {}
    while len(found) < len(texts):
        left = seconds - (time.perf_counter() - began)
        if left <= 0 or not select.select([master], [], [], left)[0]:
            raise SystemExit(f"never seen: {[t for t in texts if t not in found]}")
        seen += os.read(master, 65536)
        for text in texts:
            if text not in found and text in seen:
                found[text] = time.perf_counter() - began
    return found


def cpu_seconds(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("program")
    arguments.add_argument("run")
    arguments.add_argument("--idle", type=float, default=10.0)
    arguments = arguments.parse_args()
    figures = []
    for _ in range(5):
        pid, master = start(arguments.program, arguments.run)
        found = wait_for(master, [b"errors", b"credit"])
        figures.append(found)
        os.kill(pid, signal.SIGTERM)
        os.close(master)
        os.waitpid(pid, 0)
    print(f"figures on the screen   {1000 * statistics.median(f[b'errors'] for f in figures):.0f} ms")

    pid, master = start(arguments.program, arguments.run)
    wait_for(master, [b"errors"])
    time.sleep(3)
    before, began = cpu_seconds(pid), time.perf_counter()
    time.sleep(arguments.idle)
    share = (cpu_seconds(pid) - before) / (time.perf_counter() - began)
    resident = int(open(f"/proc/{pid}/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    print(f"idle                    {100 * share:.2f} % of a core")
    print(f"resident                {resident / 1e6:.0f} MB")
    os.kill(pid, signal.SIGTERM)
    os.close(master)
    os.waitpid(pid, 0)


if __name__ == "__main__":
    main()
