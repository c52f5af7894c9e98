# SPDX-License-Identifier: Apache-2.0
"""A made-up county: who its clients are, what they do in a year, and how each system tells it."""
