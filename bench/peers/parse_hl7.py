#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""parse_hl7.py SECONDS LIST: parses the HL7 v2 files that LIST names over and over with python-hl7 (Debian's
python3-hl7), without mapping. Prints: python-hl7.hl7, messages, bytes, seconds."""
import sys
import time
from pathlib import Path

import hl7


def readable(text):
    try:
        hl7.parse(text)
        return True
    except Exception:  # pylint: disable=broad-except
        return False


def main():
    wanted = float(sys.argv[1])
    paths = [line for line in Path(sys.argv[2]).read_text().splitlines() if line.endswith(".hl7")]
    texts = [Path(path).read_bytes().decode("iso-8859-1").replace("\r\n", "\r").replace("\n", "\r")
             for path in paths]
    texts = [text for text in texts if readable(text)]
    if not texts:
        return
    count = size = 0
    started = time.monotonic()
    while time.monotonic() - started < wanted:
        for text in texts:
            hl7.parse(text)
            count += 1
            size += len(text)
    print("python-hl7.hl7", count, size, time.monotonic() - started)


main()
