/* Lines of lists: comma-separated fields (RFC 4180, but for line ends in fields), labels. */
#ifndef INFER_TOOLS_CSV_H
#define INFER_TOOLS_CSV_H

/* Cuts the next field off a line, which is changed: quotes are taken away. NULL at the end. */
char *csv_field(char **line);

/* Cuts "picture label" in two at the first tab, else at the first space; the label, or NULL where
 * there is none. */
char *csv_cut_label(char *line);

#endif
