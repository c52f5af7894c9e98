#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lib/fhir/fhir_tables.{h,c} are what HL7's pinned package says.
PN_FHIR_CACHE=${PN_FHIR_CACHE:-build/fhir-package} exec sh lib/fhir/generate/generate.sh --check
