// SPDX-License-Identifier: Apache-2.0
/*
 * The skeleton that every service runs in.
 *
 * The loop: poll a batch → drop what this service has already done → call the service inside one
 * store transaction → commit state, outbox and positions together → relay the outbox to the stream.
 * Any crash before the commit changes nothing; any crash after it is finished by the next relay. So
 * a service's effect is exactly once, without Kafka transactions.
 *
 * The loop runs on libevent: a service that has sockets adds its own events to pn_run_base. One
 * application thread.
 */
#ifndef PN_RUN_RUN_H
#define PN_RUN_RUN_H

#include <event2/event.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/config.h"
#include "event/event.h"
#include "privacy/privacy.h"
#include "run/command.h"
#include "run/metrics.h"
#include "store/store.h"
#include "stream/stream.h"

struct pn_run;

// done: handled. retry: put the whole batch back and try again later (something is away). reject:
// this event can't be handled, ever: it goes to quarantine with the reason in *err. stop: end the
// process.
enum pn_verdict { PN_DONE, PN_RETRY, PN_REJECT, PN_STOP };

struct pn_service {
    const char *name; // the station: store name, consumer group, metric label, log tag
    const char *const *topics;
    unsigned topic_count; // 0: the service consumes nothing
    const struct pn_migration *migrations;
    unsigned migration_count;
    // A service that answers people on its sockets works in small pieces between them. 0: as much
    // at once as is good for the whole, up to a fifth of a second.
    unsigned batch_events_max;
    int64_t work_ms_max;
    // Called once; *ret_state is handed to every other call.
    enum pn_code (*start)(struct pn_run *run, void **ret_state, struct pn_err *err);
    // One event, inside the batch's transaction. Called in order. err is filled for retry and
    // reject.
    enum pn_verdict (*handle)(void *state, const struct pn_record *record, struct pn_err *err);
    // May be NULL. After the transaction's last event, still inside it. A batch may go on over
    // several polls: what is kept of an event until here is copied.
    enum pn_verdict (*batch_end)(void *state, struct pn_err *err);
    // May be NULL. About every tick_ms, in a transaction of its own.
    enum pn_verdict (*tick)(void *state, int64_t now_ms, struct pn_err *err);
    int64_t tick_ms;
    // May be NULL. After each commit: the place for what must not happen before it is durable.
    void (*committed)(void *state);
    // May be NULL. After each rollback, also that of one rejected event: what the state has
    // gathered since the last commit was not done and has to be forgotten. The events come again.
    void (*rolled_back)(void *state);
    void (*stop)(void *state);
};

// Runs until SIGTERM or SIGINT, and then finishes the batch in hand. Returns the process's exit
// status. What is away (stream, store) is waited for, with a growing back-off.
int pn_run_service(const struct pn_service *service, const struct pn_config *config);
// Each second a service looks for what a lost wake-up has left and tells its metrics. Tests may set
// another time than a second, before it runs.
void pn_run_set_second_for_test(int64_t ms);

// The command of a service, at file level in one of its source files:
//
//   PN_SERVICE_COMMAND(timeline, &timeline_service, "the timeline of each client", "…")
#define PN_SERVICE_COMMAND(station, service, summary_text, description_text)                       \
    static int run_##station(const struct pn_arguments *arguments, const struct pn_config *config) \
    {                                                                                              \
        (void)arguments;                                                                           \
        return pn_run_service((service), config);                                                  \
    }                                                                                              \
    const struct pn_command pn_command_##station = {                                               \
        .name = #station,                                                                          \
        .summary = (summary_text),                                                                 \
        .description = (description_text),                                                         \
        .run = run_##station,                                                                      \
    };

// The tables that lib/run keeps in every service's store (positions, outbox, ids seen). They are
// made before the service's own; here for tests that open a store without a service around it.
extern const struct pn_migration pn_run_migrations[];
extern const unsigned pn_run_migration_count;

// --- For the service -----------------------------------------------------------------------------

const struct pn_config *pn_run_config(const struct pn_run *run);
struct event_base *pn_run_base(struct pn_run *run);
struct pn_store *pn_run_store(struct pn_run *run);
struct pn_stream *pn_run_stream(struct pn_run *run);
struct pn_privacy *pn_run_privacy(struct pn_run *run);
struct pn_arena *pn_run_arena(struct pn_run *run); // reset before each event and tick

// Puts an event into the outbox, in the open transaction. event->id may be empty: then it is
// derived from the id of the event being handled, the topic and the place in line (in a tick: at
// random). The source is the service; causation and traceparent, when empty, are those of the event
// being handled.
PN_MUST_USE enum pn_code pn_run_emit(struct pn_run *run, const char *topic,
                                     const struct pn_event *event, struct pn_err *err);

// For another process that writes into this service's store (the API writing a plan): the same
// outbox row, in the transaction that is open on `store`. The owning service is woken by the commit
// and relays it. event->id and event->source must be there. Also for a service's own transactions
// outside of handle and tick.
PN_MUST_USE enum pn_code pn_outbox_add(struct pn_store *store, const char *topic,
                                       const struct pn_event *event, struct pn_err *err);

#endif
