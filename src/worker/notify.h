/* Telling systemd how far we are (sd_notify(3)), without its library. Does nothing outside of a unit of Type=notify. */
#ifndef LARDER_WORKER_NOTIFY_H
#define LARDER_WORKER_NOTIFY_H

/* One datagram to the NOTIFY_SOCKET of the environment, such as "READY=1". Never blocks, never fails: nobody can do
 * anything about it. */
void notify_send(char *const *environment, const char *state);

#endif
