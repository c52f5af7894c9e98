// SPDX-License-Identifier: Apache-2.0
/*
 * The bounds that several modules share, each by its name. Over a bound is an answer (a reject with
 * PN_LIMIT), never growth.
 */
#ifndef PN_BASE_LIMITS_H
#define PN_BASE_LIMITS_H

enum {
    PN_MESSAGE_BYTES_MAX = 8 * 1024 * 1024,         // one message or document from a partner system
    PN_FILE_BYTES_MAX = 64 * 1024 * 1024,           // a dropped file that is a list of messages
    PN_MESSAGE_ARENA_BYTES_MAX = 256 * 1024 * 1024, // all that is built while it is handled
    PN_EVENT_BYTES_MAX = 1024 * 1024,               // the data of one event on the stream
    PN_HTTP_BODY_BYTES_MAX = 16 * 1024 * 1024,      // one HTTP request or answer
    PN_TREE_DEPTH_MAX = 64,                         // nesting of JSON, XML and mapped resources
    PN_EVENTS_PER_MESSAGE_MAX = 2000,               // events that one message may become
    PN_BATCH_EVENTS_MAX = 1000,                     // events handled in one store transaction
    PN_CLIENT_KEY_TEXT_BYTES = 33                   // 32 hex digits and the NUL
};

#endif
