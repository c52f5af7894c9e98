// SPDX-License-Identifier: Apache-2.0
#include "fhir/json.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fhir/json_node.h"

static _Thread_local struct pn_arena *current_arena;

void *pn_json_alloc(size_t bytes)
{
    return current_arena != NULL ? pn_arena_alloc(current_arena, bytes) : malloc(bytes);
}

static void release(void *memory)
{
    if (current_arena == NULL) {
        free(memory);
    }
}

// Before main, so that a heap tree and an arena tree never meet cJSON's first allocator.
__attribute__((constructor)) static void point_cjson_here(void)
{
    cJSON_Hooks hooks = {.malloc_fn = pn_json_alloc, .free_fn = release};
    cJSON_InitHooks(&hooks);
}

void pn_json_use_arena(struct pn_arena *arena)
{
    current_arena = arena;
}

cJSON *pn_json_node_new(int type)
{
    cJSON *node = pn_json_alloc(sizeof *node);
    if (node != NULL) {
        *node = (cJSON){.type = type};
    }
    return node;
}

char *pn_json_copy(const char *text, size_t length)
{
    char *copy = pn_json_alloc(length + 1);
    if (copy != NULL) {
        memcpy(copy, length == 0 ? "" : text, length);
        copy[length] = '\0';
    }
    return copy;
}

static bool is_special(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

// True when one of the eight bytes may be special (it may also be one above 0x7F: looked at again).
static bool word_may_be_special(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t highs = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');
    return (((word - ones * 0x20) | (quote - ones) | (backslash - ones)) & highs) != 0;
}

size_t pn_json_plain_length(const char *text, size_t length)
{
    size_t at = 0;
    uint64_t word = 0;
    while (at < length) {
        size_t stop = at + sizeof word;
        if (stop <= length) {
            memcpy(&word, text + at, sizeof word);
            if (!word_may_be_special(word)) {
                at = stop;
                continue;
            }
        } else {
            stop = length;
        }
        for (; at < stop; at++) {
            if (is_special((unsigned char)text[at])) {
                return at;
            }
        }
    }
    return length;
}

static size_t skip_digits(struct pn_slice text, size_t at)
{
    while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
        at++;
    }
    return at;
}

size_t pn_json_number_length(struct pn_slice text)
{
    size_t start = text.len > 0 && text.ptr[0] == '-' ? 1 : 0;
    size_t at = skip_digits(text, start);
    if (at == start || (text.ptr[start] == '0' && at > start + 1)) {
        return 0;
    }
    if (at < text.len && text.ptr[at] == '.') {
        size_t fraction = at + 1;
        at = skip_digits(text, fraction);
        if (at == fraction) {
            return 0;
        }
    }
    if (at < text.len && (text.ptr[at] == 'e' || text.ptr[at] == 'E')) {
        size_t exponent = at + 1;
        if (exponent < text.len && (text.ptr[exponent] == '+' || text.ptr[exponent] == '-')) {
            exponent++;
        }
        at = skip_digits(text, exponent);
        if (at == exponent) {
            return 0;
        }
    }
    return at;
}

// Nine digits always fit an int.
static bool is_small_integer(struct pn_slice text)
{
    size_t start = text.ptr[0] == '-' ? 1 : 0;
    return skip_digits(text, 0 + start) == text.len && text.len - start <= 9 &&
           !pn_slice_is(text, "-0");
}

cJSON *pn_json_new_number(struct pn_slice text)
{
    if (text.len == 0 || text.len > PN_JSON_NUMBER_BYTES_MAX ||
        pn_json_number_length(text) != text.len) {
        return NULL;
    }
    bool small = is_small_integer(text);
    cJSON *node = pn_json_node_new(small ? cJSON_Number : cJSON_Raw);
    char *copy = node == NULL ? NULL : pn_json_copy(text.ptr, text.len);
    if (copy == NULL) {
        if (node != NULL) {
            release(node);
        }
        return NULL;
    }
    node->valuestring = copy;
    node->valuedouble = strtod(copy, NULL);
    if (small) {
        node->valueint = (int)node->valuedouble;
    }
    return node;
}

bool pn_json_is_number(const cJSON *node)
{
    if (cJSON_IsNumber(node)) {
        return true;
    }
    if (!cJSON_IsRaw(node) || node->valuestring == NULL) {
        return false;
    }
    struct pn_slice text = pn_slice_str(node->valuestring);
    return text.len > 0 && pn_json_number_length(text) == text.len;
}

struct pn_slice pn_json_text(const cJSON *object, const char *member)
{
    const cJSON *found = cJSON_GetObjectItemCaseSensitive(object, member);
    return pn_slice_str(cJSON_IsString(found) ? found->valuestring : NULL);
}

bool pn_json_set_text(cJSON *object, const char *member, struct pn_slice text)
{
    cJSON *node = pn_json_node_new(cJSON_String);
    if (node == NULL) {
        return false;
    }
    node->valuestring = pn_json_copy(text.ptr, text.len);
    cJSON *old = cJSON_GetObjectItemCaseSensitive(object, member);
    bool done = node->valuestring != NULL;
    if (done && old != NULL) {
        done = cJSON_ReplaceItemInObjectCaseSensitive(object, member, node);
    } else if (done) {
        done = cJSON_AddItemToObject(object, member, node);
    }
    if (!done) {
        cJSON_Delete(node);
    }
    return done;
}
