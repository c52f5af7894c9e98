// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec/hl7v2.h"
#include "net/mllp.h"
#include "run/metrics.h"
#include "run/tls.h"
#include "services/ingest/receive.h"

enum {
    ACK_BYTES_MAX = 16 * 1024,
    IDLE_TIMEOUT_MS = 12 * 3600 * 1000, // night is quiet; senders keep their connection
    CONTROL_ID_BYTES = 24
};

struct listener {
    struct pn_receive_mllp *receive;
    struct pn_ingest_system *system;
    struct pn_run_tls *tls; // NULL: plain
    struct pn_mllp_server *server;
};

struct pn_receive_mllp {
    struct pn_intake *intake;
    struct listener listeners[PN_SYSTEMS_MAX];
    unsigned listener_count;
    struct pn_buf ack;
    uint64_t ack_number;
};

// A frame and whose it is, until its answer.
struct received {
    struct listener *listener;
    struct pn_mllp_frame *frame;
};

static enum pn_hl7v2_ack_code ack_code_of(const struct pn_intake_result *result)
{
    if (result->outcome == PN_INTAKE_ACCEPTED || result->outcome == PN_INTAKE_REPEATED) {
        return PN_HL7V2_AA;
    }
    return result->err.code == PN_UNSUPPORTED ? PN_HL7V2_AR : PN_HL7V2_AE;
}

// Commit acknowledgements tell of safe storage: a message whose content is wrong lies in quarantine
// and is safe (CA, and then AE), one of a kind that nothing here handles is not wanted at all (CR),
// and one that was turned away was not kept (CE).
static enum pn_hl7v2_ack_code commit_code_of(const struct pn_intake_result *result)
{
    enum pn_hl7v2_ack_code code = ack_code_of(result);
    if (code == PN_HL7V2_AR) {
        return PN_HL7V2_CR;
    }
    return result->outcome == PN_INTAKE_TURNED_AWAY ? PN_HL7V2_CE : PN_HL7V2_CA;
}

static void add_ack(struct listener *listener, const struct pn_hl7v2_header *header,
                    enum pn_hl7v2_ack_code code, const struct pn_err *why)
{
    struct pn_receive_mllp *receive = listener->receive;
    bool is_yes = code == PN_HL7V2_AA || code == PN_HL7V2_CA;
    char control_id[CONTROL_ID_BYTES];
    int64_t now_ms = pn_clock_now_ms();
    // At most 20 characters (HL7 2.3 MSH-10), and no two alike, also over a restart.
    (void)snprintf(control_id, sizeof control_id, "%011llX%07llX", (unsigned long long)now_ms,
                   (unsigned long long)(receive->ack_number++ & 0xFFFFFFF));
    const struct pn_hl7v2_ack ack = {
        .header = header,
        .code = code,
        .control_id = control_id,
        .now_ms = now_ms,
        .zone = listener->system->info->zone,
        .where = is_yes ? "" : why->where,
        .text = is_yes ? "" : why->text,
    };
    struct pn_err err = {0};
    if (receive->ack.len > 0) {
        pn_buf_add_str(&receive->ack, PN_MLLP_BETWEEN);
    }
    if (pn_hl7v2_write_ack(&ack, &receive->ack, &err) != PN_OK) {
        pn_log_error("an acknowledgement could not be written", &err);
    }
}

// Original mode: one application acknowledgement. Enhanced mode (HL7 v2 chapter 2): first the
// commit acknowledgement, then, only after a CA, the application's, each when the message asks for
// it. An acknowledgement is itself never acknowledged in original mode.
static void send_ack(struct listener *listener, struct pn_mllp_frame *frame,
                     const struct pn_intake_result *result)
{
    struct pn_receive_mllp *receive = listener->receive;
    struct pn_hl7v2_header header;
    bool has_header = pn_hl7v2_peek(result->bytes, &header);
    struct pn_hl7v2_ack_wish wish = pn_hl7v2_ack_wish_of(has_header ? &header : NULL);
    bool is_ack = has_header && pn_slice_is(header.type, "ACK");
    enum pn_hl7v2_ack_code code = ack_code_of(result), commit = commit_code_of(result);
    bool is_committed = commit == PN_HL7V2_CA;
    pn_buf_clear(&receive->ack);
    if (wish.is_enhanced && (is_committed ? wish.commit : wish.commit_no)) {
        add_ack(listener, &header, commit, &result->err);
    }
    bool asks = code == PN_HL7V2_AA ? wish.application : wish.application_no;
    if (asks && !is_ack && (!wish.is_enhanced || is_committed || !wish.commit_no)) {
        add_ack(listener, has_header ? &header : NULL, code, &result->err);
    }
    pn_mllp_answer(frame, pn_buf_slice(&receive->ack));
}

static void on_done(const struct pn_intake_result *result, void *context)
{
    struct received *received = context;
    send_ack(received->listener, received->frame, result);
    free(received);
}

static void on_frame(struct pn_mllp_frame *frame, struct pn_slice bytes, void *context)
{
    struct listener *listener = context;
    struct received *received = malloc(sizeof *received);
    if (received == NULL) {
        struct pn_intake_result result = {.outcome = PN_INTAKE_TURNED_AWAY, .bytes = bytes};
        (void)pn_err_set(&result.err, PN_UNAVAILABLE, "hub", "no memory: send it again later");
        send_ack(listener, frame, &result);
        return;
    }
    *received = (struct received){.listener = listener, .frame = frame};
    const struct pn_intake_message message = {
        .system = listener->system,
        .in = pn_ingest_message_in(listener->system, bytes, PN_TRANSPORT_MLLP),
        .can_wait = true,
        .done = on_done,
        .context = received,
    };
    pn_intake_submit(listener->receive->intake, &message);
}

static void on_too_large(struct pn_mllp_frame *frame, struct pn_slice head, void *context)
{
    struct listener *listener = context;
    struct pn_intake_result result = {.outcome = PN_INTAKE_TURNED_AWAY, .bytes = head};
    (void)pn_err_set(&result.err, PN_UNSUPPORTED, "message", "over %d bytes: it was not read",
                     PN_MESSAGE_BYTES_MAX);
    listener->system->counts.turned_away++;
    pn_log(PN_LOG_WARNING, "a message was too large",
           PN_TAG("system", listener->system->conf->name));
    send_ack(listener, frame, &result);
}

static enum pn_code open_tls(const struct pn_receive_parts *parts, struct listener *listener,
                             struct pn_err *err)
{
    const struct pn_system_conf *conf = listener->system->conf;
    char use[PN_METRIC_TEXT_BYTES];
    (void)snprintf(use, sizeof use, "%s-in", conf->name);
    const struct pn_run_tls_options options = {
        .role = PN_TLS_SERVER,
        .use = use,
        .files = conf->tls,
        .peers = pn_ingest_system_peers(listener->system),
    };
    return pn_run_tls_open(parts->base, &options, &listener->tls, err);
}

static enum pn_code open_listener(struct pn_receive_mllp *receive,
                                  const struct pn_receive_parts *parts,
                                  struct pn_ingest_system *system, struct pn_err *err)
{
    struct listener *listener = &receive->listeners[receive->listener_count];
    *listener = (struct listener){.receive = receive, .system = system};
    enum pn_code code = open_tls(parts, listener, err);
    if (code != PN_OK) {
        return code;
    }
    const struct pn_mllp_server_options options = {
        .listen = system->conf->listen,
        .tls = pn_run_tls_of(listener->tls),
        .frame_bytes_max = PN_MESSAGE_BYTES_MAX,
        .connections_max = parts->config->ingest.connections_max,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .context = listener,
        .frame = on_frame,
        .too_large = on_too_large,
    };
    code = pn_mllp_server_open(parts->base, &options, &listener->server, err);
    if (code != PN_OK) {
        pn_run_tls_close(listener->tls);
        (void)pn_err_within(err, system->conf->name);
        return code;
    }
    receive->listener_count++;
    pn_log(PN_LOG_INFO, "listening", PN_TAG("system", system->conf->name), PN_TAG("by", "mllp"),
           PN_TAG_INT("port", pn_mllp_server_port(listener->server)),
           PN_TAG("tls", listener->tls != NULL ? "yes" : "no"));
    return PN_OK;
}

enum pn_code pn_receive_mllp_open(const struct pn_receive_parts *parts,
                                  struct pn_receive_mllp **ret_receive, struct pn_err *err)
{
    struct pn_receive_mllp *receive = calloc(1, sizeof *receive);
    if (receive == NULL) {
        return pn_err_set(err, PN_MEMORY, "mllp", "the heap is exhausted");
    }
    receive->intake = parts->intake;
    pn_buf_init(&receive->ack, ACK_BYTES_MAX);
    for (unsigned i = 0; i < parts->systems->count; i++) {
        struct pn_ingest_system *system = &parts->systems->items[i];
        if (system->conf->listen[0] == '\0' || !pn_ingest_system_takes(system, PN_TRANSPORT_MLLP)) {
            continue;
        }
        enum pn_code code = open_listener(receive, parts, system, err);
        if (code != PN_OK) {
            pn_receive_mllp_close(receive);
            return code;
        }
    }
    *ret_receive = receive;
    return PN_OK;
}

void pn_receive_mllp_close(struct pn_receive_mllp *receive)
{
    if (receive == NULL) {
        return;
    }
    for (unsigned i = 0; i < receive->listener_count; i++) {
        pn_mllp_server_close(receive->listeners[i].server);
        pn_run_tls_close(receive->listeners[i].tls);
    }
    pn_buf_release(&receive->ack);
    free(receive);
}
