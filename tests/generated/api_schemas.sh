#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# schemas/openapi.yaml and asyncapi.yaml are what their sources make now.
set -euo pipefail
cd "$(dirname "$0")/../.."
python3 schemas/generate/openapi.py --check
python3 schemas/generate/asyncapi.py --check
