/* Pictures that appear in a folder. */
#ifndef INFER_TOOLS_WATCH_H
#define INFER_TOOLS_WATCH_H

enum { WATCH_ROOM = 16384 };

struct watch {
    const char *folder; /* NULL: nothing is watched */
    int fd;
    unsigned at, bytes; /* of what has been read and not looked at */
    _Alignas(8) char events[WATCH_ROOM];
};

/* Begins to watch. Returns an exit status, after a message where it is not 0. */
int watch_begin(struct watch *w, const char *folder);
/* The path of the next picture that was written or moved there, to be freed. NULL at the end:
 * `stop` became readable, the folder is gone, or there is no memory. */
char *watch_next(struct watch *w, int stop);
void watch_end(struct watch *w);

/* From now on SIGINT and SIGTERM make `fd`, an eventfd, readable; -1: they do again what they did
 * before. */
void watch_signals(int fd);

#endif
