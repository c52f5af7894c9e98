#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes lib/fhir/fhir_tables.{h,c} from HL7's R4 package. With --check it says whether the committed
# ones are fresh (exit 1 when not). PN_FHIR_CACHE names a folder that keeps the package.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
own=
if [ -z "${PN_FHIR_CACHE:-}" ]; then
    own=$(mktemp -d)
    trap 'rm -rf "$own"' EXIT
fi
package=$(sh "$here/fetch.sh" "${PN_FHIR_CACHE:-$own}")
python3 "$here/generate.py" "$package" "$here/.." "$@"
