#!/usr/bin/env python3
"""Kills `cladist embed` at random moments, resumes it, and compares: the result must be that of a run that nobody killed, to the bit.

Each round begins with an empty store, or with what the last round left of one; kills the run (SIGKILL) at a moment of its life, resumes it,
mostly kills that too, and so on; then lets it end. After every kill `cladist store verify` must find only whole shards. Every fourth
round has two processes on the store at once, of which one is killed.

Needs the program and nothing else:  python3 tests/kill_store.py target/release/cladist --kills 200
"""
import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES = ["images.npy", "images.parquet", "texts.npy", "texts.parquet"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cladist", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    cladist, rng = args.cladist.resolve(), random.Random(args.seed)
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)
        run = lambda *words: subprocess.run([cladist, *words], cwd=place, capture_output=True, text=True, env={"CLADIST_STORE": "", "HOME": str(place)})

        def check(done, what):
            if done.returncode != 0:
                sys.exit(f"{what}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
            return done

        check(run("demo", "draw", "--n", str(args.pictures), "--out", "figures"), "draw")
        (place / "texts.txt").write_text("".join(f"a drawing of {i} squares\n" for i in range(150)))
        embed = ["embed", "--images", "figures", "--texts", "texts.txt", "--model", "demo"]
        begun = time.monotonic()
        check(run(*embed, "--no-store", "--out", "plain"), "a run without a store")
        life = time.monotonic() - begun
        expected = [(place / "plain" / name).read_bytes() for name in FILES]
        kept = [*embed, "--store", "store", "--shard-rows", "5"]
        kills = ended = rounds = 0
        while kills < args.kills:
            rounds += 1
            if rounds % 3:
                shutil.rmtree(place / "store", ignore_errors=True)
            for _ in range(rng.randint(1, 4)):
                # `kill` is SIGKILL: the process has no say.
                one = subprocess.Popen([cladist, *kept, "--out", "out"], cwd=place, stderr=subprocess.DEVNULL, env={"HOME": str(place)})
                other = None
                if rounds % 4 == 0:
                    other = subprocess.Popen([cladist, *kept, "--out", "other"], cwd=place, stderr=subprocess.DEVNULL, env={"HOME": str(place)})
                time.sleep(rng.uniform(0, 1.05 * life))
                one.kill()
                if one.wait() == -signal.SIGKILL:
                    kills += 1
                else:
                    ended += 1
                if other and other.wait() != 0:
                    sys.exit("the run beside the one that was killed failed")
                if (place / "store").exists():
                    check(run("store", "verify", "--store", "store"), f"verify after kill {kills}")
            check(run(*kept, "--out", "out"), f"resumed after kill {kills}")
            found = [(place / "out" / name).read_bytes() for name in FILES]
            for name, found, wanted in zip(FILES, found, expected):
                if found != wanted:
                    sys.exit(f"{name} is another after kill {kills} (seed {args.seed})")
            print(f"\r{kills} kills, {ended} had ended, {rounds} rounds: the same bytes", end="", flush=True)
        check(run("store", "prune", "--store", "store"), "prune")
        left = [str(path) for path in (place / "store").glob("*/parts/*")]
        if left:
            sys.exit(f"left behind: {left}")
    print()


main()
