/* What a process uses, as its system tells. */
#ifndef INFER_TOOLS_SERVE_METRICS_H
#define INFER_TOOLS_SERVE_METRICS_H

struct process_use {
    double cpu_seconds, resident_bytes, descriptors;
};

struct process_use process_use(void);

#endif
