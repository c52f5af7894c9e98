// SPDX-License-Identifier: Apache-2.0
/*
 * How often a source usually sends, by hour of the week, and whether it has fallen silent.
 *
 * Pure: no clock, no I/O. The caller tells each message (pn_rhythm_seen) and each stretch of time
 * during which the hub could have received one (pn_rhythm_pass); what the hub was down is told
 * nothing of, so its own absence is no source's silence.
 *
 * Learned: for each hour of the week, decayed counts of messages and decayed hours of listening.
 * Messages that come close after each other (burst_ms) count once, else a nightly file of 10,000
 * rows would look like a flood that ought to go on. Hours are those of clocks in Helsinki; on
 * public holidays it is Sunday.
 *
 * Silence: the expected number of messages since the last one, Λ, has passed a bound. If they come
 * independently of each other, nothing at all has the probability e^-Λ. And at least so much time.
 */
#ifndef PN_SERVICES_INGEST_RHYTHM_H
#define PN_SERVICES_INGEST_RHYTHM_H

#include <stdbool.h>
#include <stdint.h>

enum { PN_RHYTHM_HOURS = 168 }; // Monday 0 o'clock is 0

struct pn_rhythm_options {
    double expected_max;  // Λ
    int64_t quiet_min_ms; // of listening since the last message
    int64_t learn_ms;     // of listening, before anything is said
    int64_t half_life_ms; // of what was learned
    int64_t burst_ms;
    int64_t silent_after_ms; // instead of what is learned: fixed; 0: learned
    bool is_off;
};

struct pn_rhythm {
    int64_t first_ms, last_ms; // messages; 0: none yet
    int64_t counted_ms;        // the last that was counted
    int64_t listened_ms;       // in all
    int64_t quiet_ms;          // of listening since the last message
    int64_t silent_since_ms;   // the last message before the silence; 0: it speaks
    double expected;           // since the last message
    double fading_ms;          // of listening since the numbers were last halved a little
    float counts[PN_RHYTHM_HOURS], hours[PN_RHYTHM_HOURS];
};

enum pn_rhythm_change { PN_RHYTHM_NONE, PN_RHYTHM_SILENT, PN_RHYTHM_RESUMED };

// A message came, whatever became of it.
enum pn_rhythm_change pn_rhythm_seen(struct pn_rhythm *rhythm,
                                     const struct pn_rhythm_options *options, int64_t time_ms);
// The hub has listened from then till now; at most an hour at a time.
enum pn_rhythm_change pn_rhythm_pass(struct pn_rhythm *rhythm,
                                     const struct pn_rhythm_options *options, int64_t from_ms,
                                     int64_t to_ms);
// Expected messages in an hour of the week.
double pn_rhythm_rate(const struct pn_rhythm *rhythm, unsigned hour);

// The hour of the week of a moment in Finland.
unsigned pn_rhythm_hour(int64_t time_ms);
// Finnish public holidays (and the eves on which offices are closed: Midsummer, Christmas).
bool pn_is_finnish_holiday(int year, int month, int day);

#endif
