/* What a service manager is told and gives, by systemd's protocol (sd_notify, sd_listen_fds). */
#ifndef INFER_TOOLS_SERVE_NOTIFY_H
#define INFER_TOOLS_SERVE_NOTIFY_H

/* Sends a state ("READY=1") to NOTIFY_SOCKET, where the environment names one. */
void notify_begin(const char *state);
/* Socket `index` of those that the manager has opened, -1 where there are not so many. */
int notify_socket(int index);

#endif
