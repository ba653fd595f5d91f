"""``python -m benchmarks [NAME ...]``: measure, print, and write ``benchmarks/results/*.json``.

Exit code 1 when a figure missed its limit.
"""

from __future__ import annotations

import argparse
import importlib

BENCHMARKS = {
    "webhook": "webhook to first task (restarts the lab's Airflow)",
    "webhook_rate": "deliveries a second beside other receivers (needs the lab's postgres, apt and PyPI)",
    "push": "push to healthy, push with unchanged inputs (needs the lab)",
    "copy": "an image between Glance and Artifactory, and what memory that takes (needs the lab, 25 GB)",
    "servers_awaited": "requests to Nova while 200 servers are awaited (needs the lab)",
    "tenants": "tenant_sync's plan of a large cloud, on a Keystone of its own (needs the lab's packages)",
    "tokenreview": "the token webhook: cached, uncached, under a flood (needs the lab)",
    "nodes": "300 machines deployed and rebuilt, 50 at once (needs the lab, 20 minutes)",
    "bare_metal_image": "bare_metal_image beside disk-image-create (needs the lab)",
    "vm_image": "vm_image beside packer build (needs the lab)",
    "nightly": "a night of unchanged applications, at growing sizes (restarts the lab's Airflow, 30 minutes)",
    "parse_time": "what parsing each DAG file costs",
}


def main() -> int:
    """Run the named benchmarks (all of them by default)."""
    listing = "\n".join(f"  {name:<12} {what}" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="benchmarks", epilog=listing, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := sorted(set(names) - BENCHMARKS.keys()):
        parser.error(f"no benchmark is called {unknown[0]}")
    met = True
    for name in names:
        for result in importlib.import_module(f"benchmarks.{name}").run():
            print(result.line(), flush=True)
            for note in result.notes:
                print(f"    {note}", flush=True)
            print(f"    written to {result.write()}", flush=True)
            met = met and result.met
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
