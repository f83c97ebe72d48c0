"""`make chaos`: thousands of renders under faults, by seed; fails if one promise is broken.

python -m tests.chaos --seed 1 --seed 2 --renders 5000
"""

import argparse
import os
import sys

from testkit.template import REGION

SEEDS = (1, 2, 3)
RENDERS = 5000


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--renders", type=int, default=RENDERS)
    arguments = parser.parse_args()
    # Nothing of this leaves the process; boto3 wants to know a region all the same.
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }
    from tests.chaos.run import run

    broken = False
    for seed in arguments.seed or SEEDS:
        verdict = run(seed, arguments.renders)
        print(f"\nSeed {seed}, {arguments.renders} renders")
        for name, figure in verdict.figures.items():
            print(f"  {name:<40}{figure:>10,}")
        for promise in verdict.broken:
            print(f"  BROKEN: {promise}")
        print("  Every promise was kept." if not verdict.broken else "", flush=True)
        broken = broken or bool(verdict.broken)
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
