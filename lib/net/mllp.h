// SPDX-License-Identifier: Apache-2.0
/*
 * MLLP (HL7 Minimal Lower Layer Protocol, release 1): server and client on libevent.
 *
 * Server: any number of frames per connection, pipelined or split as TCP likes. Frames of one
 * connection are answered in the order they came. The handler takes a frame and answers it later,
 * in any order: the server keeps the order on the wire. A connection with PN_MLLP_WINDOW unanswered
 * frames is not read until some are answered: that is the back-pressure. Bytes outside frames are
 * skipped and counted; a frame over frame_bytes_max is answered by `too_large` and skipped without
 * being kept.
 *
 * A peer that does not read its answers is not read either, and cut off when it takes nothing for
 * PN_MLLP_WRITE_TIMEOUT_MS.
 *
 * Client: one connection, one frame under way at a time, an answer or a time-out for each. An
 * answer that comes after its time-out is handed to the next exchange's `done` as it is; whoever
 * asked matches MSA-2 and goes on waiting (pn_mllp_client_wait_on) when it is another message's.
 */
#ifndef PN_NET_MLLP_H
#define PN_NET_MLLP_H

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "net/tls.h"

enum {
    PN_MLLP_WINDOW = 64,
    PN_MLLP_WRITE_TIMEOUT_MS = 30 * 1000,
    PN_MLLP_ANSWER_BYTES_MAX = 1024 * 1024 // a longer answer cuts the client's connection
};

#define PN_MLLP_BETWEEN "\x1C\x0D\x0B"

struct pn_mllp_server;
struct pn_mllp_frame; // a received frame that waits for its answer

struct pn_mllp_server_options {
    const char *listen;
    struct pn_tls *tls; // NULL: plain. Outlives the server
    size_t frame_bytes_max;
    int64_t connections_max;
    int64_t idle_timeout_ms; // without a byte while nothing waits for its answer; 0: never cut
    void *context;
    // `bytes` is valid during the call only.
    void (*frame)(struct pn_mllp_frame *frame, struct pn_slice bytes, void *context);
    // `head` is the frame's beginning (PN_MLLP_HEAD_BYTES at most), to find its control id in.
    void (*too_large)(struct pn_mllp_frame *frame, struct pn_slice head, void *context);
};

PN_MUST_USE enum pn_code pn_mllp_server_open(struct event_base *base,
                                             const struct pn_mllp_server_options *options,
                                             struct pn_mllp_server **ret_server,
                                             struct pn_err *err);
// Takes NULL. Frames that wait for their answer stay their holder's, who must still answer them.
void pn_mllp_server_close(struct pn_mllp_server *server);
unsigned pn_mllp_server_port(const struct pn_mllp_server *server);
unsigned pn_mllp_server_connection_count(const struct pn_mllp_server *server);
// Bytes outside frames since the server was opened.
uint64_t pn_mllp_server_noise_bytes(const struct pn_mllp_server *server);
// Every frame is answered exactly once; one whose connection is gone is dropped silently. The
// answer may be several messages, divided by PN_MLLP_BETWEEN: each goes in a frame of its own. An
// empty one sends nothing.
void pn_mllp_answer(struct pn_mllp_frame *frame, struct pn_slice bytes);
// The peer's address without its port, for logs.
const char *pn_mllp_frame_peer(const struct pn_mllp_frame *frame);

struct pn_mllp_client;
struct pn_mllp_result {
    enum pn_code code; // PN_OK: `bytes` is an answer; PN_UNAVAILABLE: no connection, cut, time-out
    struct pn_slice bytes;
    const char *reason;
};

// `tls` NULL: plain; it outlives the client.
PN_MUST_USE enum pn_code pn_mllp_client_open(struct event_base *base, const char *address,
                                             struct pn_tls *tls, struct pn_mllp_client **ret_client,
                                             struct pn_err *err);
// Takes NULL; `done` is not called any more. Not to be called from inside `done`.
void pn_mllp_client_close(struct pn_mllp_client *client);
// Connects when there is no connection. `done` is called exactly once per send or wait_on, from the
// loop. PN_CONFLICT when another frame is under way. `bytes` is copied; the result's bytes are
// valid during the call only.
PN_MUST_USE enum pn_code
pn_mllp_client_send(struct pn_mllp_client *client, struct pn_slice bytes, int64_t timeout_ms,
                    void (*done)(const struct pn_mllp_result *result, void *context), void *context,
                    struct pn_err *err);
// Inside `done`: that was another message's answer; wait for the next one, in the time that is
// left.
void pn_mllp_client_wait_on(struct pn_mllp_client *client);

// What comes while nothing is under way is handed to `late` (HL7 enhanced mode: the application's
// answer comes after the commit, when it likes). Without it such frames stay unread until the next
// exchange.
void pn_mllp_client_listen(struct pn_mllp_client *client,
                           void (*late)(struct pn_slice bytes, void *context), void *context);

#endif
