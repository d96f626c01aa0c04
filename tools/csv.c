#include "tools/csv.h"

#include <ctype.h>
#include <string.h>

char *csv_field(char **line)
{
    char *field = *line, *from = field, *to = field;
    if (!field)
        return NULL;
    int quoted = *from == '"';
    from += quoted;
    for (; *from; from++) {
        if (quoted && *from == '"' && from[1] == '"')
            from++;
        else if (quoted && *from == '"') {
            quoted = 0;
            continue;
        } else if (!quoted && *from == ',')
            break;
        *to++ = *from;
    }
    *line = *from ? from + 1 : NULL;
    *to = 0;
    return field;
}

char *csv_cut_label(char *line)
{
    char *cut = strchr(line, '\t');
    cut = cut ? cut : strchr(line, ' ');
    if (!cut)
        return NULL;
    *cut++ = 0;
    while (isspace((unsigned char)*cut))
        cut++;
    for (char *end = cut + strlen(cut); end > cut && isspace((unsigned char)end[-1]);)
        *--end = 0;
    return *cut ? cut : NULL;
}
