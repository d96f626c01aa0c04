/* Pages of their own: no scripts, no references, pictures inside the text. */
#ifndef INFER_TOOLS_HTML_H
#define INFER_TOOLS_HTML_H

#include <stdio.h>

#include "infer_vision.h"

/* Everything up to the page's body; html_end has the rest. */
void html_begin(FILE *f, const char *title);
void html_end(FILE *f);
/* A text with what HTML needs escaped. Bytes that are no UTF-8 become ?. */
void html_text(FILE *f, const char *text);
/* <img> with the picture as a PNG inside it; 0 without memory. */
int html_picture(FILE *f, const infer_image *picture);

#endif
