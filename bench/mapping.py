# SPDX-License-Identifier: Apache-2.0
"""Each adapter's own samples through its mapping on one processor, beside parsers not written here that
only read the same bytes: HAPI and python-hl7 for HL7 v2, libxml2 for XML, cJSON for JSON."""
import os
import statistics
import subprocess
import tempfile
from pathlib import Path

import jars

ROOT = Path(__file__).resolve().parents[1]
TITLE = "Mapping, one processor"
HEADER = ["adapter", "format", "messages/s", "MB/s", "peer (parses only)", "peer messages/s",
          "peer MB/s", "ratio to peer"]
PEERS = {"hl7": ("hapi", "python-hl7"), "xml": ("libxml2",), "json": ("cjson",), "csv": ()}
DEBIAN_PYTHON = "/usr/bin/python3"  # python3-hl7 is there, whatever else is installed


def measure(command, figures):
    """Adds (messages/s, MB/s) of each line to figures[what]."""
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    last = {line.split()[0]: [float(word) for word in line.split()[1:]]
            for line in out.splitlines()}  # a peer's warm-up line comes before its own
    for what, (messages, size, seconds) in last.items():
        figures.setdefault(what, []).append((messages / seconds, size / seconds / 1e6))


def measure_adapter(options, folder, listed):
    figures, seconds, found = {}, str(options.seconds), jars.folder()
    for _ in range(options.runs):
        measure([os.path.join(options.build, "bench", "bench_mapping"), folder, seconds, listed],
                figures)
        if ".hl7" in Path(listed).read_text():
            if found:
                measure(["java", "-XX:+UseSerialGC", "-cp", f"{found}/*",
                         ROOT / "bench/peers/HapiParse.java", seconds, listed], figures)
            measure([DEBIAN_PYTHON, ROOT / "bench/peers/parse_hl7.py", seconds, listed], figures)
    return {what: [statistics.median(column) for column in zip(*pairs)]
            for what, pairs in figures.items()}


def rows(options):
    with tempfile.NamedTemporaryFile(prefix="punos-mapping-") as listed:
        for folder in sorted((ROOT / "adapters").glob("[a-z]*")):
            if not (folder / "adapter.yaml").exists():
                continue
            figures = measure_adapter(options, folder, listed.name)
            for kind, peers in PEERS.items():
                if f"punos.{kind}" not in figures:
                    continue
                rate, size = figures[f"punos.{kind}"]
                own = [folder.name, kind, f"{rate:.0f}", f"{size:.0f}"]
                found = [peer for peer in peers if f"{peer}.{kind}" in figures]
                for peer in found:
                    peer_rate, peer_size = figures[f"{peer}.{kind}"]
                    yield own + [peer, f"{peer_rate:.0f}", f"{peer_size:.0f}",
                                 f"{rate / peer_rate:.2f}"]
                if not found:
                    yield own + ["", "", "", ""]
