// SPDX-License-Identifier: Apache-2.0
#include "net/http_parse.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

// Which bytes a token (RFC 9110 section 5.6.2) may hold besides letters and digits.
static const char token_marks[] = "!#$%&'*+-.^_`|~";

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_token(struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!is_alphanumeric(c) && (c == '\0' || strchr(token_marks, c) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

size_t pn_http_head_length(struct pn_slice bytes, size_t *scanned)
{
    size_t i = *scanned;
    while (i < bytes.len) {
        const char *line_end = memchr(bytes.ptr + i, '\n', bytes.len - i);
        if (line_end == NULL) {
            break;
        }
        size_t next = (size_t)(line_end - bytes.ptr) + 1;
        bool is_blank = next >= 2 && bytes.ptr[next - 2] == '\n';
        bool is_blank_crlf =
            next >= 3 && bytes.ptr[next - 2] == '\r' && bytes.ptr[next - 3] == '\n';
        if (is_blank || is_blank_crlf) {
            return next;
        }
        i = next;
    }
    *scanned = i;
    return 0;
}

static int refuse(struct pn_err *err, int status, enum pn_code code, const char *where,
                  const char *text)
{
    (void)pn_err_set(err, code, where, "%s", text);
    return status;
}

static int refuse_head(struct pn_err *err, const char *text)
{
    return refuse(err, 400, PN_INVALID, "request", text);
}

// Takes one line off the front, without its end. False for a bare CR inside.
static bool next_line(struct pn_slice *rest, struct pn_slice *ret_line)
{
    struct pn_slice line = pn_slice_split(*rest, '\n', rest);
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    *ret_line = line;
    return line.len == 0 || memchr(line.ptr, '\r', line.len) == NULL;
}

static int parse_request_line(struct pn_slice line, struct pn_http_head *head, struct pn_err *err)
{
    struct pn_slice version = {0};
    head->method = pn_slice_split(line, ' ', &version);
    head->target = pn_slice_split(version, ' ', &version);
    if (!is_token(head->method) || head->target.len == 0 || version.len != strlen("HTTP/1.1")) {
        return refuse_head(err, "the request line is not METHOD TARGET HTTP/1.1");
    }
    if (!pn_slice_starts_with(version, "HTTP/")) {
        return refuse_head(err, "the request line does not end in an HTTP version");
    }
    head->is_http_1_0 = pn_slice_is(version, "HTTP/1.0");
    if (!head->is_http_1_0 && !pn_slice_is(version, "HTTP/1.1")) {
        return refuse(err, 505, PN_UNSUPPORTED, "request", "only HTTP/1.1 and 1.0 are spoken here");
    }
    for (size_t i = 0; i < head->target.len; i++) {
        unsigned char c = (unsigned char)head->target.ptr[i];
        if (c <= ' ' || c == 0x7F) {
            return refuse_head(err, "the request target holds a control character");
        }
    }
    return 0;
}

static bool value_is_clean(struct pn_slice value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c < ' ' && c != '\t') || c == 0x7F) {
            return false;
        }
    }
    return true;
}

static int parse_field(struct pn_slice line, struct pn_http_head *head, struct pn_err *err)
{
    if (head->field_count == PN_HTTP_HEADERS_MAX) {
        return refuse(err, 431, PN_LIMIT, "headers", "there are too many headers");
    }
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL) {
        return refuse(err, 400, PN_INVALID, "headers", "a header line has no colon");
    }
    struct pn_slice name = pn_slice_of(line.ptr, (size_t)(colon - line.ptr));
    struct pn_slice value = pn_slice_trim(pn_slice_of(colon + 1, line.len - name.len - 1));
    if (!is_token(name) || !value_is_clean(value)) {
        return refuse(err, 400, PN_INVALID, "headers", "a header's name or value is malformed");
    }
    head->fields[head->field_count++] = (struct pn_http_field){name, value};
    return 0;
}

struct pn_slice pn_http_head_field(const struct pn_http_head *head, const char *name)
{
    for (unsigned i = 0; i < head->field_count; i++) {
        if (pn_slice_is_nocase(head->fields[i].name, name)) {
            return head->fields[i].value;
        }
    }
    return pn_slice_of(NULL, 0);
}

// Whether a comma-separated list holds the word.
static bool list_has(struct pn_slice list, const char *word)
{
    while (list.len > 0) {
        if (pn_slice_is_nocase(pn_slice_trim(pn_slice_split(list, ',', &list)), word)) {
            return true;
        }
    }
    return false;
}

static int apply_length(struct pn_slice value, struct pn_http_head *head, unsigned *length_count,
                        struct pn_err *err)
{
    int64_t length = 0;
    if (value.len == 0 || value.ptr[0] == '-' || !pn_slice_to_i64(value, &length)) {
        return refuse(err, 400, PN_INVALID, "Content-Length", "this is not a length");
    }
    if (*length_count > 0 && length != head->body_bytes) {
        return refuse(err, 400, PN_INVALID, "Content-Length", "two lengths contradict each other");
    }
    head->body_bytes = length;
    (*length_count)++;
    return 0;
}

// What the headers say about the body and the connection.
static int apply_fields(struct pn_http_head *head, struct pn_err *err)
{
    unsigned length_count = 0;
    unsigned host_count = 0;
    head->keep_alive = !head->is_http_1_0;
    for (unsigned i = 0; i < head->field_count; i++) {
        struct pn_slice name = head->fields[i].name;
        struct pn_slice value = head->fields[i].value;
        int status = 0;
        if (pn_slice_is_nocase(name, "content-length")) {
            status = apply_length(value, head, &length_count, err);
        } else if (pn_slice_is_nocase(name, "transfer-encoding")) {
            bool is_known = pn_slice_is_nocase(value, "chunked") && !head->is_chunked;
            status = is_known ? 0
                              : refuse(err, 501, PN_UNSUPPORTED, "Transfer-Encoding",
                                       "only chunked is understood");
            head->is_chunked = true;
        } else if (pn_slice_is_nocase(name, "connection")) {
            head->keep_alive = list_has(value, "close")        ? false
                               : list_has(value, "keep-alive") ? true
                                                               : head->keep_alive;
        } else if (pn_slice_is_nocase(name, "expect")) {
            head->expects_continue = pn_slice_is_nocase(value, "100-continue");
            status = head->expects_continue ? 0
                                            : refuse(err, 417, PN_UNSUPPORTED, "Expect",
                                                     "only 100-continue is understood");
        }
        host_count += pn_slice_is_nocase(name, "host");
        if (status != 0) {
            return status;
        }
    }
    if (head->is_chunked && (length_count > 0 || head->is_http_1_0)) {
        return refuse_head(err, "Transfer-Encoding stands beside Content-Length or in HTTP/1.0");
    }
    if (host_count > 1 || (host_count == 0 && !head->is_http_1_0)) {
        return refuse(err, 400, PN_INVALID, "Host", "exactly one Host header is required");
    }
    return 0;
}

int pn_http_head_parse(struct pn_slice bytes, struct pn_http_head *ret_head, struct pn_err *err)
{
    struct pn_http_head head = {0};
    struct pn_slice rest = bytes;
    struct pn_slice line = {0};
    if (!next_line(&rest, &line)) {
        return refuse_head(err, "a carriage return stands inside a line");
    }
    int status = parse_request_line(line, &head, err);
    while (status == 0 && rest.len > 0) {
        if (!next_line(&rest, &line)) {
            return refuse_head(err, "a carriage return stands inside a line");
        }
        if (line.len == 0) {
            break;
        }
        status = parse_field(line, &head, err);
    }
    status = status == 0 ? apply_fields(&head, err) : status;
    if (status == 0) {
        *ret_head = head;
    }
    return status;
}

// Percent-decodes; ptr NULL when it cannot be.
static struct pn_slice decode(struct pn_arena *arena, struct pn_slice text, bool plus_is_space)
{
    const struct pn_slice fault = {0};
    char *out = pn_arena_alloc(arena, text.len + 1);
    if (out == NULL) {
        return fault;
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? pn_hex_value(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? pn_hex_value(text.ptr[i + 2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) {
                return fault;
            }
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[len++] = c;
    }
    struct pn_slice decoded = pn_slice_of(out, len);
    return pn_utf8_is_valid(decoded) ? decoded : fault;
}

static int refuse_target(struct pn_err *err, const char *text)
{
    return refuse(err, 400, PN_INVALID, "path", text);
}

// The origin form of a target; an absolute one (RFC 9112 section 3.2.2) loses its authority.
static struct pn_slice origin_form(struct pn_slice target)
{
    if (!pn_slice_starts_with(target, "http://") && !pn_slice_starts_with(target, "https://")) {
        return target;
    }
    struct pn_slice rest = {0};
    (void)pn_slice_split(target, ':', &rest);
    rest = pn_slice_of(rest.ptr + 2, rest.len - 2);
    const char *slash = memchr(rest.ptr, '/', rest.len);
    return slash == NULL ? pn_slice_str("/")
                         : pn_slice_of(slash, rest.len - (size_t)(slash - rest.ptr));
}

static int add_segment(struct pn_arena *arena, struct pn_slice raw, struct pn_http_target *target,
                       struct pn_err *err)
{
    struct pn_slice segment = decode(arena, raw, false);
    if (segment.ptr == NULL || memchr(segment.ptr, '/', segment.len) != NULL) {
        return refuse_target(err, "a percent sign is not followed by a usable character");
    }
    if (pn_slice_is(segment, ".") || pn_slice_is(segment, "..")) {
        return refuse_target(err, "dot segments are not resolved here");
    }
    if (target->segment_count == PN_HTTP_SEGMENTS_MAX) {
        return refuse_target(err, "the path has too many segments");
    }
    target->segments[target->segment_count++] = segment;
    return 0;
}

static int join_path(struct pn_arena *arena, struct pn_http_target *target, struct pn_err *err)
{
    size_t bytes = 1;
    for (unsigned i = 0; i < target->segment_count; i++) {
        bytes += target->segments[i].len + 1;
    }
    char *path = pn_arena_alloc(arena, bytes);
    if (path == NULL) {
        return refuse(err, 503, PN_MEMORY, "path", "no memory is left for this request");
    }
    size_t len = 0;
    for (unsigned i = 0; i < target->segment_count; i++) {
        path[len++] = '/';
        memcpy(path + len, target->segments[i].ptr, target->segments[i].len);
        len += target->segments[i].len;
    }
    if (len == 0) {
        path[len++] = '/';
    }
    target->path = pn_slice_of(path, len);
    return 0;
}

int pn_http_target_parse(struct pn_arena *arena, struct pn_slice raw,
                         struct pn_http_target *ret_target, struct pn_err *err)
{
    struct pn_http_target target = {0};
    struct pn_slice rest = origin_form(raw);
    if (rest.len == 0 || rest.ptr[0] != '/') {
        return refuse_target(err, "the path does not begin with a slash");
    }
    const char *fragment = memchr(rest.ptr, '#', rest.len);
    if (fragment != NULL) {
        return refuse_target(err, "a fragment has no place in a request");
    }
    struct pn_slice path = pn_slice_split(rest, '?', &target.query);
    while (path.len > 0) {
        struct pn_slice segment = pn_slice_split(path, '/', &path);
        int status = segment.len == 0 ? 0 : add_segment(arena, segment, &target, err);
        if (status != 0) {
            return status;
        }
    }
    int status = join_path(arena, &target, err);
    if (status == 0) {
        *ret_target = target;
    }
    return status;
}

int pn_http_parameters_parse(struct pn_arena *arena, struct pn_slice text,
                             struct pn_http_parameters *parameters, struct pn_err *err)
{
    while (text.len > 0) {
        struct pn_slice pair = pn_slice_split(text, '&', &text);
        if (pair.len == 0) {
            continue;
        }
        if (parameters->count == PN_HTTP_PARAMETERS_MAX) {
            return refuse(err, 400, PN_LIMIT, "query", "there are too many parameters");
        }
        struct pn_slice raw_value = {0};
        struct pn_slice raw_name = pn_slice_split(pair, '=', &raw_value);
        struct pn_http_parameter item = {.name = decode(arena, raw_name, true),
                                         .value = decode(arena, raw_value, true)};
        if (item.name.ptr == NULL || item.value.ptr == NULL) {
            return refuse(err, 400, PN_INVALID, "query",
                          "a parameter is not percent-encoded UTF-8");
        }
        parameters->items[parameters->count++] = item;
    }
    return 0;
}

static bool is_placeholder(struct pn_slice part)
{
    return part.len > 2 && part.ptr[0] == '{' && part.ptr[part.len - 1] == '}';
}

bool pn_http_route_fits(const char *route, const struct pn_http_target *target,
                        struct pn_slice *ret_values, unsigned *ret_value_count)
{
    struct pn_slice values[PN_HTTP_SEGMENTS_MAX];
    unsigned value_count = 0;
    unsigned at = 0;
    struct pn_slice rest = pn_slice_str(route);
    while (rest.len > 0) {
        struct pn_slice part = pn_slice_split(rest, '/', &rest);
        if (part.len == 0) {
            continue;
        }
        if (at == target->segment_count) {
            return false;
        }
        struct pn_slice segment = target->segments[at++];
        if (is_placeholder(part)) {
            values[value_count++] = segment;
        } else if (!pn_slice_eq(part, segment)) {
            return false;
        }
    }
    if (at != target->segment_count) {
        return false;
    }
    for (unsigned i = 0; i < value_count; i++) {
        ret_values[i] = values[i];
    }
    *ret_value_count = value_count;
    return true;
}

int pn_http_route_value_index(const char *route, const char *name)
{
    int index = 0;
    struct pn_slice rest = pn_slice_str(route);
    while (rest.len > 0) {
        struct pn_slice part = pn_slice_split(rest, '/', &rest);
        if (!is_placeholder(part)) {
            continue;
        }
        if (pn_slice_is(pn_slice_of(part.ptr + 1, part.len - 2), name)) {
            return index;
        }
        index++;
    }
    return -1;
}

struct pn_slice pn_http_bearer(struct pn_slice authorization)
{
    const struct pn_slice none = {0};
    struct pn_slice token = {0};
    struct pn_slice scheme = pn_slice_split(pn_slice_trim(authorization), ' ', &token);
    token = pn_slice_trim(token);
    if (!pn_slice_is_nocase(scheme, "bearer") || token.len == 0 ||
        token.len > PN_HTTP_TOKEN_BYTES_MAX) {
        return none;
    }
    for (size_t i = 0; i < token.len; i++) {
        char c = token.ptr[i];
        if (!is_alphanumeric(c) && (c == '\0' || strchr("-._~+/=", c) == NULL)) {
            return none;
        }
    }
    return token;
}

enum chunked_state {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    TRAILER_START,
    TRAILER_LINE,
    TRAILER_LF,
    CHUNKED_DONE
};

bool pn_http_chunked_is_done(const struct pn_http_chunked *chunked)
{
    return chunked->state == CHUNKED_DONE;
}

// A byte of a size line before its end.
static bool feed_size(struct pn_http_chunked *chunked, char c)
{
    int digit = pn_hex_value(c);
    if (chunked->state == CHUNK_SIZE && digit >= 0) {
        chunked->left = chunked->left << 4 | (uint64_t)digit;
        return ++chunked->digit_count <= 15;
    }
    if (chunked->digit_count == 0) {
        return false;
    }
    if (c == '\r') {
        chunked->state = CHUNK_SIZE_LF;
        return true;
    }
    bool starts_extension = c == ';' || c == ' ' || c == '\t';
    if (chunked->state == CHUNK_SIZE && !starts_extension) {
        return false;
    }
    chunked->state = CHUNK_EXTENSION;
    return c != '\n';
}

// A byte that is not data.
static bool feed_byte(struct pn_http_chunked *chunked, char c)
{
    switch ((enum chunked_state)chunked->state) {
    case CHUNK_SIZE:
    case CHUNK_EXTENSION:
        return ++chunked->line_bytes <= PN_HTTP_CHUNK_LINE_BYTES_MAX && feed_size(chunked, c);
    case CHUNK_SIZE_LF:
        chunked->state = chunked->left == 0 ? TRAILER_START : CHUNK_DATA;
        chunked->line_bytes = 0;
        chunked->digit_count = 0;
        return c == '\n';
    case CHUNK_DATA_CR:
        chunked->state = CHUNK_DATA_LF;
        return c == '\r';
    case CHUNK_DATA_LF:
        chunked->state = CHUNK_SIZE;
        return c == '\n';
    case TRAILER_START:
        chunked->state = c == '\r' ? TRAILER_LF : TRAILER_LINE;
        return c != '\n' && ++chunked->line_bytes <= PN_HTTP_TRAILER_BYTES_MAX;
    case TRAILER_LINE:
        chunked->state = c == '\n' ? TRAILER_START : TRAILER_LINE;
        return ++chunked->line_bytes <= PN_HTTP_TRAILER_BYTES_MAX;
    case TRAILER_LF:
        chunked->state = CHUNKED_DONE;
        return c == '\n';
    case CHUNK_DATA:
    case CHUNKED_DONE:
        break;
    }
    assert(false);
    return false;
}

enum pn_code pn_http_chunked_feed(struct pn_http_chunked *chunked, struct pn_slice bytes,
                                  struct pn_buf *body, size_t *ret_used, struct pn_err *err)
{
    size_t used = 0;
    while (used < bytes.len && chunked->state != CHUNKED_DONE) {
        if (chunked->state != CHUNK_DATA) {
            if (!feed_byte(chunked, bytes.ptr[used++])) {
                return pn_err_set(err, PN_INVALID, "body", "the chunked body is malformed");
            }
            continue;
        }
        size_t here = bytes.len - used;
        here = chunked->left < here ? (size_t)chunked->left : here;
        pn_buf_add(body, bytes.ptr + used, here);
        if (!pn_buf_ok(body)) {
            return pn_err_set(err, PN_LIMIT, "body", "the body is too large");
        }
        used += here;
        chunked->left -= here;
        chunked->state = chunked->left == 0 ? CHUNK_DATA_CR : CHUNK_DATA;
    }
    *ret_used = used;
    return PN_OK;
}
