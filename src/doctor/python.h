/* Python environments: where they are, which Python they belong to, and what is installed in them. */
#ifndef RUNG_DOCTOR_PYTHON_H
#define RUNG_DOCTOR_PYTHON_H

#include "doctor/dist.h"

enum { PYTHON_MOST_SITES = 4 };

typedef struct python_env {
  const char *path;    /* what a user calls it: a virtual environment, a prefix, or the folder of packages */
  const char *version; /* "3.11"; "" when unknown */
  const char *program; /* the interpreter; NULL when none is found */
  const char *pip;     /* how to call pip for it: "/venv/bin/python -m pip" */
  const char *project; /* the folder that a virtual environment stands in: scripts start there; NULL */
  bool conda;
  bool musl; /* its interpreter's C library */
  bool libc_known;
  const char *site[PYTHON_MOST_SITES]; /* in the order of sys.path */
  size_t site_count;
  RUNG_VEC(dist) dists; /* of all sites, in their order */
} python_env;

typedef struct python_list {
  RUNG_VEC(python_env *) envs;
} python_list;

/* The environment that `path` stands for: site-packages, a virtual environment, a prefix, an interpreter, a package's
 * own folder. NOT_FOUND when nothing is there. A folder that is none of these is taken for a folder of packages. */
rung_status *rung__python_at(doctor *d, const char *path, python_list *out) RUNG_MUST_CHECK;
/* Those that are active, in PATH, in the user's and in the working folder. */
void rung__python_find(doctor *d, python_list *out);
void rung__python_free(doctor *d, python_list *list);

const dist *rung__python_dist(const python_env *env, const char *name);
/* Folders where packages keep vendors' libraries: site-packages/nvidia/x/lib, tensorrt_libs ... */
doctor_list *rung__python_library_folders(doctor *d, const python_env *env);

#endif
