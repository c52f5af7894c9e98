// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/poll_search.h"

#include <string.h>

#include "base/clock.h"

void pn_poll_search_url(const struct pn_poll_question *question, struct pn_buf *ret_url)
{
    char moment[PN_TIME_TEXT_BYTES];
    pn_time_format(question->from_ms, moment); // digits, T, Z, '-', ':' and '.': as they are
    pn_buf_clear(ret_url);
    pn_buf_printf(ret_url, "%s/%s?_lastUpdated=ge%s&_sort=_lastUpdated&_count=%lld", question->base,
                  question->resource_type, moment, (long long)question->page_size);
    if (question->with_patients) {
        pn_buf_printf(ret_url, "&_include=%s:patient", question->resource_type);
    }
}

void pn_poll_walk_start(struct pn_poll_walk *walk, int64_t from_ms)
{
    walk->from_ms = from_ms;
    walk->newest_ms = -1;
    walk->proven_ms = -1;
    walk->is_ordered = true;
    walk->last_page = 0;
    walk->was_asked_anew = true;
    walk->page_count = 0;
    walk->url_count = 0;
}

// FNV-1a.
static uint64_t hash(uint64_t start, struct pn_slice text)
{
    uint64_t value = start;
    for (size_t i = 0; i < text.len; i++) {
        value = (value ^ (unsigned char)text.ptr[i]) * UINT64_C(1099511628211);
    }
    return value;
}

#define HASH_START UINT64_C(14695981039346656037)

bool pn_poll_walk_visit(struct pn_poll_walk *walk, struct pn_slice url)
{
    uint64_t value = hash(HASH_START, url);
    for (unsigned i = 0; i < walk->url_count; i++) {
        if (walk->seen_urls[i] == value) {
            return false;
        }
    }
    if (walk->url_count < PN_POLL_PAGES_MAX) {
        walk->seen_urls[walk->url_count++] = value;
    }
    return true;
}

bool pn_poll_is_match(const struct pn_entry *entry, const char *resource_type)
{
    if (entry->search_mode.len > 0) {
        return pn_slice_is(entry->search_mode, "match");
    }
    return entry->resource.len == 0 || pn_slice_is(entry->resource_type, resource_type);
}

static bool says_sorted(const struct pn_entries *page)
{
    static const char sorted[] = "_sort=_lastUpdated";
    return page->self.len > 0 &&
           memmem(page->self.ptr, page->self.len, sorted, sizeof sorted - 1) != NULL;
}

// Looks at the page's moments: its newest, and whether it stands in order after what was asked for.
static int64_t look_at(struct pn_poll_walk *walk, const struct pn_entries *page,
                       const char *resource_type, int64_t believed_ms, uint64_t *ret_hash)
{
    int64_t newest_ms = -1, before_ms = -1;
    *ret_hash = HASH_START;
    for (unsigned i = 0; i < page->count; i++) {
        const struct pn_entry *entry = &page->items[i];
        int64_t moment_ms = 0;
        if (!pn_poll_is_match(entry, resource_type)) {
            continue;
        }
        *ret_hash = hash(hash(hash(*ret_hash, entry->id), entry->version_id), entry->last_updated);
        if (!pn_time_parse(entry->last_updated, &moment_ms)) {
            walk->is_ordered = false;
            continue;
        }
        if (moment_ms < before_ms || moment_ms < walk->from_ms) {
            walk->is_ordered = false;
        }
        before_ms = moment_ms;
        moment_ms = moment_ms > believed_ms ? believed_ms : moment_ms;
        newest_ms = moment_ms > newest_ms ? moment_ms : newest_ms;
    }
    return newest_ms;
}

enum pn_code pn_poll_walk_page(struct pn_poll_walk *walk, const struct pn_entries *page,
                               const char *resource_type, int64_t server_ms,
                               enum pn_poll_next *ret_next, struct pn_err *err)
{
    uint64_t page_hash = 0;
    bool was_asked_anew = walk->was_asked_anew;
    // A moment in the future would hide everything until then. Without the server's clock ours has
    // to do, with much room for what it may be wrong.
    int64_t believed_ms = server_ms > 0 ? server_ms : pn_clock_now_ms() + PN_MS_PER_DAY;
    walk->is_ordered = walk->is_ordered && (says_sorted(page) || !page->has_next);
    int64_t newest_ms = look_at(walk, page, resource_type, believed_ms, &page_hash);
    walk->newest_ms = newest_ms > walk->newest_ms ? newest_ms : walk->newest_ms;
    bool is_same = walk->page_count > 0 && page->count > 0 && page_hash == walk->last_page;
    walk->last_page = page_hash;
    walk->page_count++;
    if (!page->has_next) {
        walk->proven_ms = walk->newest_ms;
        *ret_next = PN_POLL_END;
        return PN_OK;
    }
    if (is_same && !was_asked_anew) {
        return pn_err_set(err, PN_INVALID, "Bundle.link", "the pages go round in a circle");
    }
    if (walk->page_count >= PN_POLL_PAGES_MAX) {
        return pn_err_set(err, PN_LIMIT, "Bundle.link", "over %d pages", PN_POLL_PAGES_MAX);
    }
    if (walk->is_ordered && !is_same && newest_ms > walk->from_ms) {
        walk->proven_ms = newest_ms;
        walk->from_ms = newest_ms;
        walk->was_asked_anew = true;
        *ret_next = PN_POLL_ASK;
        return PN_OK;
    }
    walk->was_asked_anew = false;
    // A next link to nowhere is some servers' way of saying that this was the last page.
    *ret_next = page->next.len > 0 ? PN_POLL_FOLLOW : PN_POLL_END;
    walk->proven_ms = page->next.len > 0 ? walk->proven_ms : walk->newest_ms;
    return PN_OK;
}
