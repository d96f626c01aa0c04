/* As much of XML as files of labels need: elements one in another, and their texts. Attributes,
 * comments and declarations are skipped; entities other than the five of XML stay as they are. */
#ifndef INFER_TOOLS_EVAL_XML_H
#define INFER_TOOLS_EVAL_XML_H

#include <stddef.h>

enum xml_event { XML_OPEN, XML_CLOSE, XML_END, XML_WRONG };

enum { XML_PATH = 256, XML_TEXT = 256 };

struct xml {
    const char *at, *end;
    char path[XML_PATH]; /* of the element: "annotation/object/name" */
    char text[XML_TEXT]; /* at XML_CLOSE: what stands in front, cut off after so many bytes and
                            without space around it */
    const char *mistake; /* at XML_WRONG */
    int closing;         /* the last element is closed: its name goes from the path next */
    int closes;          /* it was opened by <name/> */
};

void xml_begin(struct xml *x, const char *bytes, size_t size);
enum xml_event xml_next(struct xml *x);
/* The line that has been reached, from 1. */
unsigned xml_line(const struct xml *x, const char *bytes);

#endif
