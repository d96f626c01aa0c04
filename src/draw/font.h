/* Letters as strokes. */
#ifndef INFER_DRAW_FONT_H
#define INFER_DRAW_FONT_H

/* A line of text is FONT_LINE units high; capitals reach from unit FONT_TOP to FONT_TOP + 12,
 * letters with a tail 4 lower. */
enum { FONT_LINE = 20, FONT_TOP = 2, FONT_GAP = 3 };

struct infer__glyph {
    unsigned char width; /* units; the next letter begins FONT_GAP behind it */
    char strokes[55];    /* points as two letters, x from 'a' on and y from 'A' on; a space ends a
                            stroke */
};

/* That of the character at `text`, and how many bytes it takes, at least 1; `text` is not at its
 * end. Whatever is not printable ASCII is one box. */
const struct infer__glyph *infer__glyph_of(const char *text, unsigned *bytes);

#endif
