// SPDX-License-Identifier: Apache-2.0
/*
 * GET / and /web/{file}: the page's own files, embedded by the build (cmake/EmbedFiles.cmake). They
 * hold no data: the page asks for the token and calls the API as any other client.
 */
#include <string.h>

#include "services/api/api.h"
#include "services/api/calls.h"
#include "services/api/web_files.h"

static const struct {
    const char *ending;
    const char *content_type;
} content_types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json; charset=utf-8"},
    {".svg", "image/svg+xml"},
};

static const char *content_type_of(const char *name)
{
    size_t length = strlen(name);
    for (unsigned i = 0; i < PN_ARRAY_COUNT(content_types); i++) {
        size_t ending = strlen(content_types[i].ending);
        if (length > ending && strcmp(name + length - ending, content_types[i].ending) == 0) {
            return content_types[i].content_type;
        }
    }
    return "application/octet-stream";
}

static void answer_file(struct pn_http_exchange *exchange, const struct pn_web_file *file)
{
    pn_http_add_header(exchange, "Content-Security-Policy",
                       "default-src 'none'; script-src 'self'; style-src 'self'; connect-src "
                       "'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
                       "frame-ancestors 'none'");
    pn_http_add_header(exchange, "X-Content-Type-Options", "nosniff");
    pn_http_add_header(exchange, "Referrer-Policy", "no-referrer");
    pn_http_add_header(exchange, "Cross-Origin-Opener-Policy", "same-origin");
    pn_http_add_header(exchange, "Cache-Control", "no-cache");
    pn_http_answer(exchange, 200, content_type_of(file->name),
                   pn_slice_of((const char *)file->bytes, file->length));
}

void pn_page_call(struct pn_http_exchange *exchange, void *context)
{
    (void)context;
    struct pn_slice name = pn_http_path_value(exchange, "file");
    if (name.len == 0) {
        name = pn_slice_str("index.html");
    }
    for (unsigned i = 0; i < pn_web_file_count; i++) {
        if (pn_slice_is(name, pn_web_files[i].name)) {
            answer_file(exchange, &pn_web_files[i]);
            return;
        }
    }
    struct pn_err err;
    pn_err_set(&err, PN_NOT_FOUND, "page", "there is no such file");
    pn_http_answer_error(exchange, &err);
}
