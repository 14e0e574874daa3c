/** How namespaces that somebody else made are named. */

/** Id or name of a container, as engines have them. */
export const CONTAINER_REFERENCE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/;

/** Name of a network namespace under `/run/netns`. */
export const NETNS_NAME = /^(?!\.{1,2}$)[^/\s\0]{1,255}$/;

/** The highest process id that Linux gives on 64 bits (`PID_MAX_LIMIT`). */
export const MAX_PID = 4_194_304;
