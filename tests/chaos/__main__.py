"""`make chaos`: runs thousands of renders with injected faults; fails if an invariant is violated.

python -m tests.chaos --seed 1 --seed 2 --renders 5000
"""

import argparse
import os
import sys

from testkit.template import REGION

SEEDS = (1, 2, 3)
RENDERS = 5000
BATCHES = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--renders", type=int, default=RENDERS)
    parser.add_argument("--batches", type=int, default=BATCHES, help="of 500 documents each")
    arguments = parser.parse_args()
    # No request leaves the process, but boto3 needs a region and credentials.
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }
    from tests.chaos.run import run

    failed = False
    for seed in arguments.seed or SEEDS:
        report = run(seed, arguments.renders, batches=arguments.batches)
        print(f"\nSeed {seed}, {arguments.renders} renders, {arguments.batches} batches")
        for name, figure in report.figures.items():
            print(f"  {name:<40}{figure:>10,}")
        for violation in report.violations:
            print(f"  VIOLATED: {violation}")
        print("  All invariants hold." if not report.violations else "", flush=True)
        failed = failed or bool(report.violations)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
