#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The adapters' HL7 v2 documents, read back by parsers that were not written here.
#   tests/integration/run_read_back.sh [BUILD FOLDER]
set -eu
cd "$(dirname "$0")/../.."
venv=${1:-build}/read-back
if [ ! -x "$venv/bin/pip" ]; then
    python3 -m venv "$venv"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check hl7==0.4.5 hl7apy==1.3.5
exec "$venv/bin/python" tests/integration/samples/hl7_read_back.py
