/* Connections whose clients have gone without a word that libmicrohttpd hears.
 *
 * It waits for the edges of epoll, and takes a short read for the end of what has come. Where a
 * client's end came together with its last bytes no further edge follows, and the connection would
 * stay until its time is over. A thread looks at all connections now and then, and wakes up those.
 */
#ifndef INFER_TOOLS_SERVE_HANGUPS_H
#define INFER_TOOLS_SERVE_HANGUPS_H

struct hangups;
struct hangups_entry;

/* NULL: no memory or threads. */
struct hangups *hangups_begin(void);
/* All connections must have been removed. */
void hangups_end(struct hangups *h);

/* A connection on a socket; NULL without memory. Any thread, as the others. */
struct hangups_entry *hangups_add(struct hangups *h, int fd);
/* To be called before the socket is closed. NULL is fine. */
void hangups_remove(struct hangups *h, struct hangups_entry *e);
/* Whether a request of it is being answered: then it is let be. NULL is fine. */
void hangups_busy(struct hangups_entry *e, int busy);

#endif
