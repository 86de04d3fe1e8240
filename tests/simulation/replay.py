"""`python -m tests.simulation.replay SEED` prints what happens under one seed."""

import sys

from tests.simulation.simulation import Simulation, final_runs


def main() -> int:
    simulation = Simulation(int(sys.argv[1]))
    try:
        simulation.run()
        verdict = "all invariants hold"
    except AssertionError as broken:
        verdict = f"broken: {broken}"
    ends = [f"{run.name} {run.status}" for run in final_runs(simulation)]
    sys.stdout.write("\n".join([*simulation.trace, *ends, verdict, ""]))
    return int(verdict.startswith("broken"))


if __name__ == "__main__":
    sys.exit(main())
