// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/log.h"
#include "services/ingest/envelope.h"
#include "services/ingest/quarantine.h"

enum {
    BATCH_MESSAGES_MAX = 256,
    BATCH_BYTES_MAX = 4 * 1024 * 1024, // of raw messages
    BATCH_ARENA_BYTES_MAX = 256 * 1024 * 1024,
    WAITING_BYTES_MAX = 64 * 1024 * 1024,
    WAITING_MESSAGES_MAX = 64 * 1024,
    GATHER_PASSES_MAX = 16, // looks at the sockets before a batch is appended
    RECENT_SLOTS = 1 << 16, // messages accepted lately, direct-mapped
    RETRY_FIRST_MS = 100,
    RETRY_MAX_MS = 2000
};

struct waiting {
    STAILQ_ENTRY(waiting) entry;
    struct pn_intake_message message;
    struct pn_err refusal;
    char texts[]; // bytes, content type, file name
};
STAILQ_HEAD(waiting_list, waiting);

struct recent {
    uint8_t id[16];
};

struct pn_intake {
    struct pn_intake_parts parts;
    struct event *turn; // the end of this turn of the loop, or the next try
    struct pn_envelope *envelope;
    struct pn_identity_memory *memory;
    struct pn_outgoing outgoing;
    struct waiting_list waiting;
    size_t waiting_count, waiting_bytes;
    struct waiting *batch[BATCH_MESSAGES_MAX];
    struct pn_intake_result results[BATCH_MESSAGES_MAX];
    uint8_t ids[BATCH_MESSAGES_MAX][16]; // of the messages' contents
    unsigned batch_count;
    size_t batch_bytes;
    unsigned gather_passes; // that brought something into the batch
    unsigned refused_count;
    unsigned one_by_one; // so many of the next messages go alone: one of them breaks the append
    struct recent *recent;
    int64_t retry_ms; // 0: nothing is away
    bool may_try;     // nobody waits to be tried with: the next message is
    bool is_scheduled;
};

// --- What was accepted lately --------------------------------------------------------------------

static void message_id(const struct waiting *item, uint8_t ret_id[static 16])
{
    const struct pn_slice parts[] = {pn_slice_str(item->message.system->conf->name),
                                     item->message.in.bytes};
    char text[PN_UUID_TEXT_BYTES];
    pn_uuid5("message", parts, PN_ARRAY_COUNT(parts), text);
    bool is_uuid = pn_uuid_parse(pn_slice_of(text, PN_UUID_TEXT_BYTES - 1), ret_id);
    assert(is_uuid);
    (void)is_uuid;
}

static struct recent *recent_slot(struct pn_intake *intake, const uint8_t id[static 16])
{
    size_t at = (size_t)id[0] << 8 | id[1];
    return &intake->recent[at % RECENT_SLOTS];
}

static bool is_repeated(struct pn_intake *intake, const uint8_t id[static 16])
{
    return memcmp(recent_slot(intake, id)->id, id, 16) == 0;
}

// --- One message ---------------------------------------------------------------------------------

static struct pn_quarantine_message quarantine_message(const struct waiting *item,
                                                       const struct pn_err *why)
{
    const struct pn_ingest_system *system = item->message.system;
    return (struct pn_quarantine_message){.system = system->conf->name,
                                          .sector = system->info->sector,
                                          .message = &item->message.in,
                                          .why = why};
}

static void refuse(struct pn_intake *intake, const struct waiting *item,
                   struct pn_intake_result *result)
{
    result->outcome = PN_INTAKE_REFUSED;
    result->event_count = 0;
    pn_quarantine_id(intake->parts.privacy, item->message.system->conf->name,
                     item->message.in.bytes, result->quarantine_id);
    intake->refused_count++;
}

static void decode_one(struct pn_intake *intake, unsigned at)
{
    struct waiting *item = intake->batch[at];
    struct pn_intake_result *result = &intake->results[at];
    *result =
        (struct pn_intake_result){.outcome = PN_INTAKE_ACCEPTED, .bytes = item->message.in.bytes};
    message_id(item, intake->ids[at]);
    pn_feeds_seen(intake->parts.feeds, item->message.system, (struct pn_slice){0},
                  item->message.in.received_ms);
    if (is_repeated(intake, intake->ids[at])) {
        result->outcome = PN_INTAKE_REPEATED;
        return;
    }
    size_t count_before = intake->outgoing.count;
    if (item->message.refusal != NULL) {
        result->err = item->refusal;
        refuse(intake, item, result);
        return;
    }
    enum pn_code code = pn_envelope_add(intake->envelope, item->message.system, &item->message.in,
                                        &intake->outgoing, &result->err);
    if (code != PN_OK) {
        refuse(intake, item, result);
        return;
    }
    pn_feeds_seen(intake->parts.feeds, item->message.system, pn_envelope_source(intake->envelope),
                  item->message.in.received_ms);
    result->event_count = (unsigned)(intake->outgoing.count - count_before);
    result->ignored = pn_envelope_ignored(intake->envelope);
    memcpy(recent_slot(intake, intake->ids[at])->id, intake->ids[at], 16);
}

// --- The batch -----------------------------------------------------------------------------------

// More of what waits into the batch; how many.
static unsigned take_more(struct pn_intake *intake)
{
    unsigned message_max = intake->one_by_one > 0 ? 1 : BATCH_MESSAGES_MAX;
    unsigned before = intake->batch_count;
    while (!STAILQ_EMPTY(&intake->waiting) && intake->batch_count < message_max &&
           intake->batch_bytes < BATCH_BYTES_MAX && intake->outgoing.count < PN_BATCH_EVENTS_MAX) {
        struct waiting *item = STAILQ_FIRST(&intake->waiting);
        STAILQ_REMOVE_HEAD(&intake->waiting, entry);
        intake->batch[intake->batch_count++] = item;
        intake->batch_bytes += item->message.in.bytes.len;
        decode_one(intake, intake->batch_count - 1);
    }
    return intake->batch_count - before;
}

static void clear_batch(struct pn_intake *intake)
{
    intake->batch_count = 0;
    intake->batch_bytes = 0;
    intake->refused_count = 0;
    intake->gather_passes = 0;
    pn_outgoing_clear(&intake->outgoing);
}

static enum pn_code store_refused(void *context, struct pn_err *err)
{
    const struct pn_intake *intake = context;
    enum pn_code code = PN_OK;
    for (unsigned i = 0; code == PN_OK && i < intake->batch_count; i++) {
        if (intake->results[i].outcome == PN_INTAKE_REFUSED) {
            const struct pn_quarantine_message message =
                quarantine_message(intake->batch[i], &intake->results[i].err);
            code = pn_quarantine_put(intake->parts.store, intake->parts.privacy, &message, err);
        }
    }
    return code;
}

static enum pn_code publish_refused(struct pn_intake *intake, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; code == PN_OK && i < intake->batch_count; i++) {
        if (intake->results[i].outcome == PN_INTAKE_REFUSED) {
            const struct pn_quarantine_message message =
                quarantine_message(intake->batch[i], &intake->results[i].err);
            code = pn_quarantine_put_event(intake->parts.privacy, &message, &intake->outgoing, err);
        }
    }
    return code;
}

// The refused messages, durably in the store, and their events among those that go out.
static enum pn_code quarantine_refused(struct pn_intake *intake, struct pn_err *err)
{
    if (intake->refused_count == 0) {
        return PN_OK;
    }
    enum pn_code code = publish_refused(intake, err);
    return code == PN_OK ? pn_store_transact(intake->parts.store, store_refused, intake, err)
                         : code;
}

static void count(struct pn_ingest_system *system, const struct pn_intake_result *result)
{
    struct pn_ingest_counts *counts = &system->counts;
    counts->accepted += result->outcome == PN_INTAKE_ACCEPTED && result->ignored == NULL;
    counts->ignored += result->outcome == PN_INTAKE_ACCEPTED && result->ignored != NULL;
    counts->repeated += result->outcome == PN_INTAKE_REPEATED;
    counts->refused += result->outcome == PN_INTAKE_REFUSED;
    counts->turned_away += result->outcome == PN_INTAKE_TURNED_AWAY;
    counts->events += result->event_count;
}

static void answer(struct pn_intake *intake, struct waiting *item,
                   const struct pn_intake_result *result)
{
    intake->waiting_count--;
    intake->waiting_bytes -= item->message.in.bytes.len;
    item->message.system->last_message_ms = item->message.in.received_ms;
    count(item->message.system, result);
    item->message.done(result, item->message.context);
    free(item);
}

static void turn_away(struct pn_intake *intake, struct waiting *item, const char *reason)
{
    struct pn_intake_result result = {.outcome = PN_INTAKE_TURNED_AWAY,
                                      .bytes = item->message.in.bytes};
    (void)pn_err_set(&result.err, PN_UNAVAILABLE, "hub", "%s", reason);
    answer(intake, item, &result);
}

static void schedule(struct pn_intake *intake, int64_t wait_ms)
{
    intake->is_scheduled = true;
    if (wait_ms == 0) {
        event_active(intake->turn, EV_TIMEOUT, 0);
        return;
    }
    // The append may have blocked for long, and libevent counts from the time it remembers: others
    // must get their turn between two tries.
    event_base_update_cache_time(intake->parts.base);
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    evtimer_add(intake->turn, &wait);
}

// While messages were decoded others have come: the sync is dear, so they go into the same one. The
// timer lets the loop look at the sockets before the next turn; event_active would not.
static bool gathers_more(struct pn_intake *intake, unsigned taken)
{
    if (taken == 0 || intake->gather_passes == GATHER_PASSES_MAX || intake->one_by_one > 0 ||
        intake->retry_ms != 0) {
        return false;
    }
    intake->gather_passes++;
    intake->is_scheduled = true;
    const struct timeval at_once = {0};
    return evtimer_add(intake->turn, &at_once) == 0;
}

static void settle_durable(struct pn_intake *intake)
{
    if (intake->retry_ms != 0) {
        intake->retry_ms = 0;
        pn_log(PN_LOG_INFO, "messages are taken again",
               PN_TAG_INT("waiting", intake->waiting_count));
    }
    pn_identity_settle(intake->memory, true);
    for (unsigned i = 0; i < intake->batch_count; i++) {
        answer(intake, intake->batch[i], &intake->results[i]);
    }
}

// Puts the batch back in its order; who cannot wait is turned away.
static void put_back(struct pn_intake *intake)
{
    pn_identity_settle(intake->memory, false);
    for (unsigned i = intake->batch_count; i-- > 0;) {
        struct waiting *item = intake->batch[i];
        if (intake->results[i].outcome == PN_INTAKE_ACCEPTED) {
            memset(recent_slot(intake, intake->ids[i]), 0, sizeof *intake->recent);
        }
        if (item->message.can_wait) {
            STAILQ_INSERT_HEAD(&intake->waiting, item, entry);
        } else {
            turn_away(intake, item, "the event stream is away: try again later");
        }
    }
}

static void settle_away(struct pn_intake *intake, const struct pn_err *err)
{
    if (intake->retry_ms == 0) {
        pn_log_error("messages wait", err); // once, at the start of the trouble
    }
    intake->retry_ms = intake->retry_ms == 0 ? RETRY_FIRST_MS : intake->retry_ms * 2;
    intake->retry_ms = intake->retry_ms > RETRY_MAX_MS ? RETRY_MAX_MS : intake->retry_ms;
    intake->may_try = false;
    put_back(intake);
}

// Something in this batch can never be appended. Alone, a message is refused for it.
static void settle_broken(struct pn_intake *intake, const struct pn_err *err)
{
    if (intake->batch_count > 1) {
        intake->one_by_one = intake->batch_count;
        put_back(intake);
        return;
    }
    pn_identity_settle(intake->memory, false);
    pn_outgoing_clear(&intake->outgoing);
    struct pn_intake_result *result = &intake->results[0];
    memset(recent_slot(intake, intake->ids[0]), 0, sizeof *intake->recent);
    result->err = *err;
    intake->refused_count = 0;
    refuse(intake, intake->batch[0], result);
    struct pn_err again = {0};
    enum pn_code code = quarantine_refused(intake, &again);
    code =
        code == PN_OK ? pn_outgoing_append(&intake->outgoing, intake->parts.stream, &again) : code;
    if (code == PN_OK) {
        settle_durable(intake);
    } else {
        settle_away(intake, &again);
    }
}

// True when the fault lies in what is appended and not in where to.
static bool is_of_message(enum pn_code code)
{
    return code == PN_INVALID || code == PN_UNSUPPORTED || code == PN_LIMIT;
}

static void on_turn(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct pn_intake *intake = context;
    struct pn_err err = {0};
    intake->is_scheduled = false;
    if (gathers_more(intake, take_more(intake))) {
        return;
    }
    if (intake->batch_count == 0) {
        intake->may_try = true;
        return;
    }
    intake->one_by_one -= intake->one_by_one > 0 ? 1 : 0;
    enum pn_code code = quarantine_refused(intake, &err);
    if (code == PN_OK && intake->outgoing.count > 0) {
        code = pn_outgoing_append(&intake->outgoing, intake->parts.stream, &err);
    }
    if (code == PN_OK) {
        settle_durable(intake);
    } else if (is_of_message(code)) {
        settle_broken(intake, &err);
    } else {
        settle_away(intake, &err);
    }
    clear_batch(intake);
    bool has_more = !STAILQ_EMPTY(&intake->waiting) || intake->retry_ms != 0;
    if (has_more && !intake->is_scheduled) {
        schedule(intake, intake->retry_ms);
    }
}

// --- Submitting ----------------------------------------------------------------------------------

static struct waiting *waiting_new(const struct pn_intake_message *message)
{
    size_t type_bytes = strlen(message->in.content_type) + 1;
    size_t name_bytes = strlen(message->in.file_name) + 1;
    size_t bytes = message->in.bytes.len;
    struct waiting *item = malloc(sizeof *item + bytes + type_bytes + name_bytes);
    if (item == NULL) {
        return NULL;
    }
    item->message = *message;
    if (message->refusal != NULL) {
        item->refusal = *message->refusal;
    }
    if (bytes > 0) {
        memcpy(item->texts, message->in.bytes.ptr, bytes);
    }
    memcpy(item->texts + bytes, message->in.content_type, type_bytes);
    memcpy(item->texts + bytes + type_bytes, message->in.file_name, name_bytes);
    item->message.in.bytes = pn_slice_of(item->texts, bytes);
    item->message.in.content_type = item->texts + bytes;
    item->message.in.file_name = item->texts + bytes + type_bytes;
    return item;
}

static void turn_away_now(struct pn_intake *intake, const struct pn_intake_message *message,
                          const char *reason)
{
    struct pn_intake_result result = {.outcome = PN_INTAKE_TURNED_AWAY, .bytes = message->in.bytes};
    (void)pn_err_set(&result.err, PN_UNAVAILABLE, "hub", "%s", reason);
    pn_feeds_seen(intake->parts.feeds, message->system, (struct pn_slice){0},
                  message->in.received_ms);
    count(message->system, &result);
    message->done(&result, message->context);
}

void pn_intake_submit(struct pn_intake *intake, const struct pn_intake_message *message)
{
    if (!message->can_wait && pn_intake_is_away(intake)) {
        turn_away_now(intake, message, "the event stream is away: try again later");
        return;
    }
    bool is_full = intake->waiting_count >= WAITING_MESSAGES_MAX ||
                   intake->waiting_bytes + message->in.bytes.len > WAITING_BYTES_MAX;
    struct waiting *item = is_full ? NULL : waiting_new(message);
    if (item == NULL) {
        turn_away_now(intake, message, "too much waits here already: send it again later");
        return;
    }
    STAILQ_INSERT_TAIL(&intake->waiting, item, entry);
    intake->waiting_count++;
    intake->waiting_bytes += item->message.in.bytes.len;
    if (!intake->is_scheduled) {
        schedule(intake, 0);
    }
}

bool pn_intake_is_away(const struct pn_intake *intake)
{
    return intake->retry_ms != 0 && !intake->may_try;
}

size_t pn_intake_waiting_count(const struct pn_intake *intake)
{
    return intake->waiting_count;
}

enum pn_code pn_intake_save(struct pn_intake *intake, struct pn_err *err)
{
    return pn_identity_save(intake->memory, intake->parts.store, err);
}

void pn_intake_saved(struct pn_intake *intake)
{
    pn_identity_saved(intake->memory);
}

// --- Making and freeing --------------------------------------------------------------------------

enum pn_code pn_intake_new(const struct pn_intake_parts *parts, struct pn_intake **ret_intake,
                           struct pn_err *err)
{
    struct pn_intake *intake = calloc(1, sizeof *intake);
    if (intake == NULL) {
        return pn_err_set(err, PN_MEMORY, "ingest", "the heap is exhausted");
    }
    intake->parts = *parts;
    STAILQ_INIT(&intake->waiting);
    intake->memory = pn_identity_memory_new();
    intake->outgoing.arena = pn_arena_new(BATCH_ARENA_BYTES_MAX);
    intake->recent = calloc(RECENT_SLOTS, sizeof *intake->recent);
    intake->turn = evtimer_new(parts->base, on_turn, intake);
    enum pn_code code = PN_OK;
    if (intake->memory == NULL || intake->outgoing.arena == NULL || intake->recent == NULL ||
        intake->turn == NULL) {
        code = pn_err_set(err, PN_MEMORY, "ingest", "the heap is exhausted");
    }
    code = code == PN_OK ? pn_envelope_new(parts->privacy, parts->store, intake->memory,
                                           &intake->envelope, err)
                         : code;
    if (code != PN_OK) {
        pn_intake_free(intake);
        return code;
    }
    *ret_intake = intake;
    return PN_OK;
}

void pn_intake_free(struct pn_intake *intake)
{
    if (intake == NULL) {
        return;
    }
    for (unsigned i = 0; i < intake->batch_count; i++) {
        turn_away(intake, intake->batch[i], "the hub is stopping: send it again later");
    }
    while (!STAILQ_EMPTY(&intake->waiting)) {
        struct waiting *item = STAILQ_FIRST(&intake->waiting);
        STAILQ_REMOVE_HEAD(&intake->waiting, entry);
        turn_away(intake, item, "the hub is stopping: send it again later");
    }
    pn_envelope_free(intake->envelope);
    pn_identity_memory_free(intake->memory);
    pn_outgoing_release(&intake->outgoing);
    free(intake->recent);
    if (intake->turn != NULL) {
        event_free(intake->turn);
    }
    free(intake);
}
