/* The page for people: files that the program carries, and what they show as JSON. */
#ifndef INFER_TOOLS_SERVE_PAGE_H
#define INFER_TOOLS_SERVE_PAGE_H

#include "tools/serve/server.h"

/* Whether page_routes count for a request: the page is on, and who asks for / is a browser. Other
 * clients get there what the servers that they know answer. */
int page_is_asked(const struct server *s, const struct http_request *r);
/* Whether it asks for one of the page's files, which say nothing about the server: a browser can't
 * send a token before it has a page to enter it. */
int page_is_file(const struct server *s, const struct http_request *r);

/* GET /page/status (page_status.c): versions with their counts and times; `?drift=1`: and how far
 * those that are observed have drifted. */
void page_status(struct call *c);

#endif
