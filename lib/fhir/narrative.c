// SPDX-License-Identifier: Apache-2.0
// A light check of Narrative.div (R4 2.4.0): well formed, only the elements that HL7 allows,
// nothing that runs, and something to read.
#include <string.h>

#include "fhir/validate.h"

enum { OPEN_ELEMENTS_MAX = 64 };

#define TXT_1                                                                                      \
    "txt-1: The narrative SHALL contain only the basic html formatting elements and attributes: "
#define TXT_2 "txt-2: The narrative SHALL have some non-whitespace content"

struct reader {
    const char *at;
    const char *end;
    struct pn_slice open[OPEN_ELEMENTS_MAX];
    unsigned depth;
    bool has_content;
};

static const char *const allowed[] = {
    "a",      "abbr",   "acronym",  "b",   "big",   "blockquote", "br",  "caption", "cite",
    "code",   "col",    "colgroup", "dd",  "dfn",   "div",        "dl",  "dt",      "em",
    "h1",     "h2",     "h3",       "h4",  "h5",    "h6",         "hr",  "i",       "img",
    "li",     "map",    "area",     "ol",  "p",     "pre",        "q",   "samp",    "small",
    "span",   "strong", "sub",      "sup", "table", "tbody",      "td",  "tfoot",   "th",
    "thead",  "tr",     "tt",       "ul",  "var",   "center",     "kbd", "u",       "s",
    "strike", "font",   "del",      "ins", "bdo",   "address",
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_name_end(char c)
{
    return is_space(c) || c == '>' || c == '/' || c == '=';
}

static bool is_allowed(struct pn_slice name)
{
    for (size_t i = 0; i < PN_ARRAY_COUNT(allowed); i++) {
        if (name.len > 0 && (name.ptr[0] | 0x20) == allowed[i][0] &&
            pn_slice_is_nocase(name, allowed[i])) {
            return true;
        }
    }
    return false;
}

static void skip_space(struct reader *reader)
{
    while (reader->at < reader->end && is_space(*reader->at)) {
        reader->at++;
    }
}

static struct pn_slice take_name(struct reader *reader)
{
    const char *start = reader->at;
    while (reader->at < reader->end && !is_name_end(*reader->at)) {
        reader->at++;
    }
    return pn_slice_of(start, (size_t)(reader->at - start));
}

// name="value", after the name; false when it is malformed.
static bool take_value(struct reader *reader, struct pn_slice *ret_value)
{
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != '=') {
        return false;
    }
    reader->at++;
    skip_space(reader);
    if (reader->at == reader->end || (*reader->at != '"' && *reader->at != '\'')) {
        return false;
    }
    const char *start = reader->at + 1;
    const char *close = memchr(start, *reader->at, (size_t)(reader->end - start));
    if (close == NULL || memchr(start, '<', (size_t)(close - start)) != NULL) {
        return false;
    }
    *ret_value = pn_slice_of(start, (size_t)(close - start));
    reader->at = close + 1;
    return true;
}

static bool has_script(struct pn_slice value)
{
    struct pn_slice text = pn_slice_trim(value);
    static const char scheme[] = "javascript:";
    return text.len >= sizeof scheme - 1 &&
           pn_slice_is_nocase(pn_slice_of(text.ptr, sizeof scheme - 1), scheme);
}

static const char *read_attributes(struct reader *reader)
{
    for (;;) {
        struct pn_slice value = {0};
        skip_space(reader);
        if (reader->at == reader->end) {
            return TXT_1 "a tag does not end";
        }
        if (*reader->at == '>' || *reader->at == '/') {
            return NULL;
        }
        struct pn_slice name = take_name(reader);
        if (name.len == 0 || !take_value(reader, &value)) {
            return TXT_1 "an attribute is malformed";
        }
        if ((name.len > 2 && pn_slice_is_nocase(pn_slice_of(name.ptr, 2), "on")) ||
            has_script(value)) {
            return TXT_1 "an attribute holds a script";
        }
    }
}

static const char *read_end_tag(struct reader *reader)
{
    reader->at++;
    struct pn_slice name = take_name(reader);
    skip_space(reader);
    if (reader->at == reader->end || *reader->at != '>' || reader->depth == 0 ||
        !pn_slice_eq(name, reader->open[reader->depth - 1])) {
        return TXT_1 "an end tag does not match";
    }
    reader->depth--;
    reader->at++;
    return NULL;
}

static const char *read_start_tag(struct reader *reader)
{
    struct pn_slice name = take_name(reader);
    if (!is_allowed(name)) {
        return TXT_1 "an element is not one of those";
    }
    const char *fault = read_attributes(reader);
    if (fault != NULL) {
        return fault;
    }
    reader->has_content = reader->has_content || pn_slice_is_nocase(name, "img");
    if (*reader->at == '/') {
        reader->at++;
        if (reader->at == reader->end || *reader->at != '>') {
            return TXT_1 "a tag is malformed";
        }
    } else if (reader->depth == OPEN_ELEMENTS_MAX) {
        return TXT_1 "elements are nested too deep";
    } else {
        reader->open[reader->depth++] = name;
    }
    reader->at++;
    return NULL;
}

static const char *read_comment(struct reader *reader)
{
    const char *close = memmem(reader->at, (size_t)(reader->end - reader->at), "-->", 3);
    if (close == NULL) {
        return TXT_1 "a comment does not end";
    }
    reader->at = close + 3;
    return NULL;
}

static const char *read_markup(struct reader *reader)
{
    struct pn_slice rest = pn_slice_of(reader->at, (size_t)(reader->end - reader->at));
    if (pn_slice_starts_with(rest, "<!--")) {
        return read_comment(reader);
    }
    reader->at++;
    if (reader->at < reader->end && *reader->at == '/') {
        return read_end_tag(reader);
    }
    return read_start_tag(reader);
}

// &name; &#1; &#x1;
static bool take_entity(struct reader *reader)
{
    const char *start = reader->at + 1;
    const char *at = start;
    while (at < reader->end && at - start < 32 && *at != ';' && !is_space(*at) && *at != '<' &&
           *at != '&') {
        at++;
    }
    if (at == start || at == reader->end || *at != ';') {
        return false;
    }
    reader->at = at + 1;
    return true;
}

static const char *read_body(struct reader *reader)
{
    while (reader->depth > 0) {
        const char *fault = NULL;
        if (reader->at == reader->end) {
            return TXT_1 "an element does not end";
        }
        if (*reader->at == '<') {
            fault = read_markup(reader);
        } else if (*reader->at == '&') {
            reader->has_content = true;
            fault = take_entity(reader) ? NULL : TXT_1 "an & is no entity";
        } else {
            reader->has_content = reader->has_content || !is_space(*reader->at);
            reader->at++;
        }
        if (fault != NULL) {
            return fault;
        }
    }
    return NULL;
}

const char *pn_fhir_narrative_fault(struct pn_slice div)
{
    static const char xmlns[] = "xmlns=";
    struct pn_slice text = pn_slice_trim(div);
    struct reader reader;
    reader.at = text.ptr;
    reader.end = text.ptr + text.len;
    reader.depth = 0;
    reader.has_content = false;
    if (!pn_slice_starts_with(text, "<div")) {
        return TXT_1 "the narrative is a div";
    }
    const char *close = memchr(text.ptr, '>', text.len);
    if (close == NULL ||
        memmem(text.ptr, (size_t)(close - text.ptr), xmlns, sizeof xmlns - 1) == NULL) {
        return TXT_1 "the div has the XHTML namespace";
    }
    const char *fault = read_markup(&reader);
    if (fault == NULL) {
        fault = read_body(&reader);
    }
    if (fault != NULL) {
        return fault;
    }
    if (reader.at != reader.end) {
        return TXT_1 "something stands after the div";
    }
    return reader.has_content ? NULL : TXT_2;
}
