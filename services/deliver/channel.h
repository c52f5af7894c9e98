// SPDX-License-Identifier: Apache-2.0
/*
 * One records system's channel: takes what is due for it from the ledger, one delivery at a time,
 * and sees it through to a receipt. A system that is away, slow or refusing holds up nobody else,
 * since each has a channel of its own on the loop.
 *
 * Retries have no end. A system that does not answer is asked again within PN_CHANNEL_AWAY_MS_MAX.
 * What it answers with "try again" waits with growing pauses, up to the configured one; but one of
 * those that wait is tried each PN_CHANNEL_AWAY_MS_MAX, in turn, and as soon as the system takes
 * one, all are due. Trouble is logged when it begins and when it ends, not at each try.
 */
#ifndef PN_DELIVER_CHANNEL_H
#define PN_DELIVER_CHANNEL_H

#include "map/adapter.h"
#include "privacy/privacy.h"
#include "run/run.h"
#include "services/deliver/identity.h"

enum { PN_CHANNEL_AWAY_MS_MAX = 800 };

struct pn_channel;

struct pn_channel_options {
    struct pn_run *run;
    const struct pn_system_conf *system;
    const struct pn_adapter *adapter;
    struct pn_identity_source *identities; // shared by all channels, outlives them
};

PN_MUST_USE enum pn_code pn_channel_open(const struct pn_channel_options *options,
                                         struct pn_channel **ret_channel, struct pn_err *err);
void pn_channel_close(struct pn_channel *channel); // takes NULL
// Something may have become due.
void pn_channel_wake(struct pn_channel *channel);

#endif
