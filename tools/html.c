#include "tools/html.h"

#include <stdlib.h>

#include "tools/base64.h"
#include "tools/cli.h"
#include "tools/png.h"

void html_begin(FILE *f, const char *title)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<title>", f);
    html_text(f, title);
    fputs("</title>\n<style>\n"
          "body{font:14px/1.45 system-ui,sans-serif;margin:2em auto;max-width:80em;padding:0 1em;"
          "color:#222;background:#fff}\n"
          "table{border-collapse:collapse}td,th{padding:.15em .6em;text-align:left;"
          "border-bottom:1px solid #e4e4e4;white-space:nowrap}\n"
          "td.n{text-align:right;font-variant-numeric:tabular-nums}th.n{text-align:right}\n"
          "tr.f{background:#fdf3e4}.why{color:#8a5a00}.soft{color:#666}\n"
          "svg{vertical-align:middle}.wide{overflow-x:auto}\n"
          "figure{display:inline-block;vertical-align:top;width:240px;margin:0 1em 1em 0}\n"
          "figcaption{font-size:12px;overflow-wrap:anywhere}\n</style></head><body>\n",
          f);
}

void html_end(FILE *f)
{
    fputs("</body></html>\n", f);
}

void html_text(FILE *f, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        const int n = cli_utf8_length(p);
        if (*p == '<')
            fputs("&lt;", f);
        else if (*p == '>')
            fputs("&gt;", f);
        else if (*p == '&')
            fputs("&amp;", f);
        else if (*p == '"')
            fputs("&quot;", f);
        else if (*p < 0x20 || n == 0)
            fputc(n ? ' ' : '?', f);
        else
            fwrite(p, 1, (size_t)n, f);
        p += n ? n : 1;
    }
}

int html_picture(FILE *f, const infer_image *picture)
{
    size_t size;
    void *png = png_bytes(picture, &size);
    char *text = png ? base64_encode(png, size, NULL) : NULL;
    free(png);
    if (!text)
        return 0;
    fprintf(f, "<img width=\"%d\" height=\"%d\" alt=\"\" src=\"data:image/png;base64,",
            picture->width, picture->height);
    fputs(text, f);
    fputs("\">", f);
    free(text);
    return 1;
}
