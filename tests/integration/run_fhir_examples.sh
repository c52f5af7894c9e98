#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# run_fhir_examples.sh BUILD_DIR: punos fhir validate over HL7's own R4 examples of the types that
# Punos handles. None may be refused; each refused that is made wrong on purpose.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:?usage: run_fhir_examples.sh BUILD_DIR}
package=$(sh lib/fhir/generate/fetch.sh "${PN_FHIR_CACHE:-$build/fhir-package}")
python3 tests/integration/fhir/examples.py "$build/punos" "$package"
