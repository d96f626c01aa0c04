#include "draw/font.h"

/* Capitals are 12 units high (A to M), small letters 8 (E to M), tails end at Q. */
static const struct infer__glyph glyphs[] = {
    {4, ""},                                        /* space */
    {2, "bAbI bLbM"},                               /* ! */
    {4, "aAaD eAeD"},                               /* " */
    {8, "cAbM hAgM aEiE aIiI"},                     /* # */
    {8, "iDgBcBaDaEcGgGiIiJgLcLaJ eAeN"},           /* $ */
    {9, "jAaM bAdAeCdEbEaCbA gIiIjKiMgMfKgI"},      /* % */
    {9, "jMbEbCcAeAfCfDaIaKcMeMjH"},                /* & */
    {1, "aAaD"},                                    /* ' */
    {3, "dAbDaGaIbLdO"},                            /* ( */
    {3, "aAcDdGdIcLaO"},                            /* ) */
    {6, "dCdI aDgH gDaH"},                          /* * */
    {8, "eDeL aHiH"},                               /* + */
    {2, "bLbMaP"},                                  /* , */
    {5, "aHfH"},                                    /* - */
    {1, "aLaM"},                                    /* . */
    {6, "gAaM"},                                    /* / */
    {7, "cAfAhChKfMcMaKaCcA"},                      /* 0 */
    {6, "aCdAdM aMgM"},                             /* 1 */
    {7, "aCcAfAhChEaMhM"},                          /* 2 */
    {7, "aCcAfAhChEfGcG fGhIhKfMcMaK"},             /* 3 */
    {8, "gMgAaIiI"},                                /* 4 */
    {7, "hAbAaFfFhHhKfMcMaK"},                      /* 5 */
    {7, "gAdAaDaKcMfMhKhHfFcFaH"},                  /* 6 */
    {7, "aAhAcM"},                                  /* 7 */
    {7, "cAfAhChDfFcFaDaCcA cFaHaKcMfMhKhHfF"},     /* 8 */
    {7, "bMeMhJhCfAcAaCaFcHfHhF"},                  /* 9 */
    {1, "aEaF aLaM"},                               /* : */
    {2, "bEbF bLbMaP"},                             /* ; */
    {7, "hCaHhM"},                                  /* < */
    {7, "aFhF aJhJ"},                               /* = */
    {7, "aChHaM"},                                  /* > */
    {7, "aCcAfAhChDdGdI dLdM"},                     /* ? */
    {11, "iJgKeKdIdGeEgEiGiJkJlHlFjBgAdAaDaJdMiM"}, /* @ */
    {8, "aMeAiM bIhI"},                             /* A */
    {8, "aFfFhEhBfAaAaMfMiKiIfFhE"},                /* B */
    {8, "iCgAcAaCaKcMgMiK"},                        /* C */
    {8, "aAaMeMiJiDeAaA"},                          /* D */
    {8, "iAaAaMiM aFgF"},                           /* E */
    {8, "iAaAaM aFgF"},                             /* F */
    {8, "iCgAcAaCaKcMgMiKiGeG"},                    /* G */
    {8, "aAaM iAiM aFiF"},                          /* H */
    {4, "aAeA aMeM cAcM"},                          /* I */
    {6, "gAgKeMcMaK"},                              /* J */
    {8, "aAaM iAaH cFiM"},                          /* K */
    {7, "aAaMhM"},                                  /* L */
    {10, "aMaAfHkAkM"},                             /* M */
    {8, "aMaAiMiA"},                                /* N */
    {8, "cAgAiCiKgMcMaKaCcA"},                      /* O */
    {8, "aMaAgAiCiEgGaG"},                          /* P */
    {8, "cAgAiCiKgMcMaKaCcA fJiM"},                 /* Q */
    {8, "aMaAgAiCiEgGaG eGiM"},                     /* R */
    {8, "iCgAcAaCaDcFgGiIiKgMcMaK"},                /* S */
    {8, "aAiA eAeM"},                               /* T */
    {8, "aAaKcMgMiKiA"},                            /* U */
    {8, "aAeMiA"},                                  /* V */
    {12, "aAdMgCjMmA"},                             /* W */
    {8, "aAiM iAaM"},                               /* X */
    {8, "aAeGiA eGeM"},                             /* Y */
    {8, "aAiAaMiM"},                                /* Z */
    {3, "dAaAaOdO"},                                /* [ */
    {6, "aAgM"},                                    /* \ */
    {3, "aAdAdOaO"},                                /* ] */
    {6, "aEdAgE"},                                  /* ^ */
    {8, "aOiO"},                                    /* _ */
    {3, "aAdC"},                                    /* ` */
    {7, "aFbEfEhGhM hHcHaJaKcMfMhK"},               /* a */
    {7, "aAaM aGcEfEhGhKfMcMaK"},                   /* b */
    {7, "hGfEcEaGaKcMfMhK"},                        /* c */
    {7, "hAhM hGfEcEaGaKcMfMhK"},                   /* d */
    {7, "aIhIhGfEcEaGaKcMfMhL"},                    /* e */
    {5, "fBeAdAcBcM aEfE"},                         /* f */
    {7, "hEhOfQcQaP hGfEcEaGaKcMfMhK"},             /* g */
    {7, "aAaM aGcEfEhGhM"},                         /* h */
    {2, "bEbM bAbB"},                               /* i */
    {4, "dEdOcQaQ dAdB"},                           /* j */
    {7, "aAaM gEaJ cHhM"},                          /* k */
    {3, "aAbAbLcMdM"},                              /* l */
    {10, "aEaM aGcEdEfGfM fGhEiEkGkM"},             /* m */
    {7, "aEaM aGcEfEhGhM"},                         /* n */
    {7, "cEfEhGhKfMcMaKaGcE"},                      /* o */
    {7, "aEaQ aGcEfEhGhKfMcMaK"},                   /* p */
    {7, "hEhQ hGfEcEaGaKcMfMhK"},                   /* q */
    {5, "aEaM aGcEeEfF"},                           /* r */
    {6, "gFeEbEaFaGbHfIgJgLfMbMaL"},                /* s */
    {5, "cAcKdMfM aEfE"},                           /* t */
    {7, "aEaKcMfMhK hEhM"},                         /* u */
    {8, "aEeMiE"},                                  /* v */
    {10, "aEdMfGhMkE"},                             /* w */
    {7, "aEhM hEaM"},                               /* x */
    {8, "aEeM iEcQ"},                               /* y */
    {7, "aEhEaMhM"},                                /* z */
    {4, "eAcBcFaHcJcNeO"},                          /* { */
    {1, "aAaP"},                                    /* | */
    {4, "aAcBcFeHcJcNaO"},                          /* } */
    {7, "aIcGfIhG"},                                /* ~ */
    {7, "aAhAhMaMaA"},                              /* any other */
};

enum { GLYPHS = sizeof glyphs / sizeof *glyphs, FIRST = ' ', LAST = '~' };
_Static_assert(GLYPHS == LAST - FIRST + 2, "one for each, and one for all others");

const struct infer__glyph *infer__glyph_of(const char *text, unsigned *bytes)
{
    const unsigned char c = (unsigned char)*text;
    *bytes = 1;
    while (c >= 0x80 && ((unsigned char)text[*bytes] & 0xC0) == 0x80)
        ++*bytes;
    return &glyphs[c >= FIRST && c <= LAST ? c - FIRST : GLYPHS - 1];
}
