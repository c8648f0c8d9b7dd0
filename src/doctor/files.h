/* Files below the root of an examination. Paths are absolute and without the root, unless they are called "real". */
#ifndef RUNG_DOCTOR_FILES_H
#define RUNG_DOCTOR_FILES_H

#include "doctor/doctor.h"

/* With the root before it, for open(). */
const char *rung__doctor_real(doctor *d, const char *path);
bool rung__doctor_is_file(doctor *d, const char *path);
bool rung__doctor_is_folder(doctor *d, const char *path);
bool rung__doctor_exists(doctor *d, const char *path);
/* Follows links; `path` itself when that fails, or when a link leads out of the root. */
const char *rung__doctor_canonical(doctor *d, const char *path);
/* Size of a file; -1: none. */
int64_t rung__doctor_size(doctor *d, const char *path);
/* Up to `most` bytes with a NUL behind them; data is NULL when the file cannot be read. */
rung_str rung__doctor_read(doctor *d, const char *path, size_t most);
/* The first line, without spaces at its ends; "" when there is none. */
const char *rung__doctor_line(doctor *d, const char *path);
/* An empty list, freed with the examination. */
doctor_list *rung__doctor_list(doctor *d);
/* Names in a folder, sorted, without "." and "..". */
doctor_list *rung__doctor_names(doctor *d, const char *folder);
/* Paths that match a pattern in which whole components may hold '*'. */
doctor_list *rung__doctor_glob(doctor *d, const char *pattern);
/* Does `name` match a pattern with '*'? */
bool rung__doctor_matches(const char *pattern, const char *name);

/* Goes through lines: false at the end. */
bool rung__doctor_next_line(rung_str *text, rung_str *out_line);
rung_str rung__doctor_trim(rung_str text);

const char *rung__doctor_base_name(const char *path);
const char *rung__doctor_folder_of(doctor *d, const char *path);

#endif
