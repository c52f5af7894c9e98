// SPDX-License-Identifier: Apache-2.0
/*
 * One polled system, between the two halves of polling: receive_poll.c has the rounds (when, which
 * type, the lease, the cursor, trouble), poll_page.c has a page (asking, reading, the Patients it
 * lacks, handing its resources to the intake).
 */
#ifndef PN_SERVICES_INGEST_POLL_SOURCE_H
#define PN_SERVICES_INGEST_POLL_SOURCE_H

#include "base/ids.h"
#include "net/http_client.h"
#include "services/ingest/intake.h"
#include "services/ingest/poll_search.h"

enum { PN_POLL_MISSING_MAX = 1000, PN_POLL_TOKEN_BYTES_MAX = 4096, PN_POLL_BASE_BYTES_MAX = 1024 };

enum pn_poll_step { PN_POLL_ROUND, PN_POLL_QUESTION, PN_POLL_PAGE_DONE };

// One resource type of one system.
struct pn_poll_kind {
    const char *resource_type;
    int64_t page_size;
    bool without_include;  // the server does not understand it
    int64_t not_before_ms; // monotonic: it refuses this type; the others go on
    int64_t backoff_ms;
};

struct pn_poll_source {
    struct pn_intake *intake;
    struct pn_store *store;
    struct event_base *loop;
    const char *owner; // of leases: this process
    struct pn_ingest_system *system;
    const struct pn_adapter_poll *poll;
    char base[PN_POLL_BASE_BYTES_MAX]; // without a slash at its end
    int64_t every_ms;
    struct pn_poll_kind kinds[PN_ADAPTER_POLL_RESOURCES_MAX];
    unsigned kind_at;
    struct pn_http_client *client; // its own: TLS files are the system's
    struct event *timer;
    enum pn_poll_step step; // what the timer does
    struct pn_poll_walk walk;
    struct pn_buf url;
    char searched[PN_POLL_URL_BYTES_MAX];             // the page in hand
    char authorization[PN_POLL_TOKEN_BYTES_MAX + 32]; // the header; empty without a token
    struct pn_arena *arena;                           // of one page
    struct pn_entries *page;
    struct pn_entries *last_context; // end of the chain of what was read besides
    int64_t server_ms;
    const char *missing[PN_POLL_MISSING_MAX]; // ids of Patients
    unsigned missing_count, missing_asked;
    unsigned in_flight;
    bool was_turned_away;
    bool is_ours;
    bool is_whole; // every type came through in this round
    bool is_in_trouble;
    int64_t backoff_ms;
    int64_t round_ms; // when it began, by the wall clock
    int64_t success_ms, start_ms;
    int64_t page_count, match_count; // since the last report
};

static inline struct pn_poll_kind *pn_poll_kind_now(struct pn_poll_source *source)
{
    return &source->kinds[source->kind_at];
}

// --- receive_poll.c ------------------------------------------------------------------------------

// Does the step after a while (0: in the loop's next turn).
void pn_poll_later(struct pn_poll_source *source, enum pn_poll_step step, int64_t wait_ms);
// The system as a whole: the round ends, and begins again after a back-off, or wait_ms when that is
// longer.
void pn_poll_fail_system(struct pn_poll_source *source, const struct pn_err *err, int64_t wait_ms);
// The current type only: the others go on.
void pn_poll_fail_kind(struct pn_poll_source *source, struct pn_err *err);

// --- poll_page.c ---------------------------------------------------------------------------------

// The question from walk.from_ms on; the page of the `next` link. Each leads to PN_POLL_PAGE_DONE,
// when the intake is through with all of the page, or to one of the two failures.
void pn_poll_ask(struct pn_poll_source *source);
void pn_poll_follow(struct pn_poll_source *source);

#endif
