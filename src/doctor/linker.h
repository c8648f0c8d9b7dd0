/* Where the loader would find what a library needs, worked out from headers as glibc and musl do it: run paths
 * (DT_RPATH of the library and of who loaded it, or DT_RUNPATH), LD_LIBRARY_PATH, the cache, the system's folders;
 * glibc-hwcaps; what is loaded already; files for other machines passed over; symbol versions. */
#ifndef RUNG_DOCTOR_LINKER_H
#define RUNG_DOCTOR_LINKER_H

#include "doctor/doctor.h"

/* Who loads. */
typedef struct link_context {
  const char *library_path;  /* LD_LIBRARY_PATH; NULL: not set */
  const char *program;       /* whose DT_RPATH counts for all that it loads; NULL */
  const doctor_list *loaded; /* sonames that are there already; NULL: none */
  bool musl;                 /* the program's C library */
} link_context;

typedef struct link_library {
  const char *name;      /* as it is asked for */
  const char *needed_by; /* path; NULL for the one that was asked about */
  const char *path;      /* NULL: not found */
  const char *how;       /* "LD_LIBRARY_PATH"; "" */
  const char *damage;    /* the file is no library: why; NULL */
  const char *skipped;   /* a file of that name for another machine, which was passed over; NULL */
  const char *skipped_machine;
} link_library;

/* A symbol version that a library asks for and the one that was found does not have. */
typedef struct link_version {
  const char *version; /* "GLIBCXX_3.4.32" */
  const char *file;    /* "libstdc++.so.6" */
  const char *needed_by, *found;
  const char *newest; /* of the same family, which it has: "GLIBCXX_3.4.30"; "" */
} link_version;

typedef struct link_result {
  RUNG_VEC(link_library) libraries; /* the first is the one that was asked about */
  RUNG_VEC(link_version) versions;  /* missing ones */
  bool loadable;                    /* the first has what binding needs */
  const char *machine;              /* of the first, when it is for another; NULL */
} link_result;

void rung__link_walk(doctor *d, const link_context *context, const char *path, link_result *out);
void rung__link_free(doctor *d, link_result *result);
/* The first that is missing or damaged, as the loader would say it; NULL: all are there. */
const link_library *rung__link_first_problem(const link_result *result);

/* "LD_LIBRARY_PATH (/a:/b), /etc/ld.so.cache and the system's folders" */
const char *rung__link_places(doctor *d, const link_context *context);

/* In the cache or the system's folders; NULL: not there. */
const char *rung__link_system(doctor *d, const char *soname);
/* The same, after LD_LIBRARY_PATH of the request. */
const char *rung__link_anywhere(doctor *d, const char *soname);

/* Files with that soname, or with another version of it, where the loader does not look: in `folders` and where vendors
 * put their libraries. Each may be NULL. */
typedef struct link_elsewhere {
  const char *same, *other;
  const char *unlinked; /* the file itself, "libx.so.3.1", without the link libx.so.3 that leads to it */
} link_elsewhere;
link_elsewhere rung__link_elsewhere(doctor *d, const link_context *context, const char *soname,
                                    const doctor_list *folders);

#endif
