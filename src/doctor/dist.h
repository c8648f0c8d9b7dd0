/* Python distributions as pip, conda and others leave their metadata: NAME-VERSION.dist-info (METADATA, WHEEL, RECORD,
 * INSTALLER, direct_url.json) or .egg-info. Files that anybody may have written. */
#ifndef RUNG_DOCTOR_DIST_H
#define RUNG_DOCTOR_DIST_H

#include "doctor/doctor.h"

typedef struct dist {
  const char *name;    /* normalised: lower case, runs of "-_." are one "-" */
  const char *version; /* "" when unknown */
  const char *folder;  /* of the metadata */
  const char *site;    /* folder that paths in `record` count from */
  const char *installer;
  const char *python; /* Requires-Python; "" */
  bool editable;      /* its modules lie elsewhere (direct_url.json) */
  bool whole;         /* METADATA (or PKG-INFO) could be read */
  doctor_list needs;  /* Requires-Dist lines without extras */
  doctor_list tags;   /* "cp311-cp311-manylinux_2_28_x86_64" */
  rung_str record;    /* data is NULL: there is none */
  const char *conda;  /* conda's build of it: "py312h414cfab_0_cpu"; NULL: it is none of conda's */
} dist;

/* One line of a RECORD; texts in the arena. */
typedef struct dist_file {
  const char *path;   /* as it is written: relative to the site, or absolute */
  const char *sha256; /* base64 without padding; "" */
  int64_t size;       /* -1: not told */
} dist_file;

/* False when the folder's name is none of a distribution's metadata. */
bool rung__dist_read(doctor *d, const char *site, const char *name, dist *out);
void rung__dist_free(doctor *d, dist *one);
/* The next file that `record`, which moves on, lists. False at the end. */
bool rung__dist_next_file(doctor *d, rung_str *record, dist_file *out);
/* Does its RECORD list the file? */
bool rung__dist_owns(doctor *d, const dist *one, const char *path);
/* Name of a requirement ("numpy" of "numpy (>=1.21) ; ..."), normalised, and what stands behind it. */
const char *rung__dist_requirement(doctor *d, const char *line, const char **out_rest);
const char *rung__dist_normal_name(doctor *d, rung_str name);

#endif
