#include "doctor/python.h"

#include "base/elf.h"
#include "doctor/conda.h"
#include "doctor/files.h"
#include "doctor/machine.h"

#include <ctype.h>
#include <stdio.h>

/* What is in it */

/* "3.11" of ".../python3.11/..."; "" when there is none. */
static const char *version_in_path(doctor *d, const char *path) {
  const char *version = "";
  for (const char *at = strstr(path, "python3."); at; at = strstr(at + 1, "python3.")) {
    size_t digits = strspn(at + 8, "0123456789");
    if (digits && (!at[8 + digits] || at[8 + digits] == '/')) version = rung__doctor_copy(d, at + 6, 2 + digits);
  }
  return version;
}

/* The value of a key in pyvenv.cfg. */
static const char *venv_value(doctor *d, const char *prefix, const char *key) {
  rung_str text = rung__doctor_read(d, rung__doctor_printf(d, "%s/pyvenv.cfg", prefix), 16384), line;
  size_t size = strlen(key);
  while (text.data && rung__doctor_next_line(&text, &line)) {
    const char *equals = memchr(line.data, '=', line.size);
    if (!equals) continue;
    rung_str name = rung__doctor_trim((rung_str){line.data, (size_t)(equals - line.data)});
    if (name.size != size || strncmp(name.data, key, size) != 0) continue;
    rung_str value = rung__doctor_trim((rung_str){equals + 1, line.size - (size_t)(equals + 1 - line.data)});
    return rung__doctor_copy(d, value.data, value.size);
  }
  return "";
}

/* "3.11.7" -> "3.11" */
static const char *cut_version(doctor *d, const char *version) {
  const char *dot = strchr(version, '.');
  if (!dot) return "";
  return rung__doctor_copy(d, version, (size_t)(dot - version) + 1 + strspn(dot + 1, "0123456789"));
}

static void find_program(doctor *d, python_env *env, const char *prefix) {
  static const char *const names[] = {"bin/python", "bin/python3", "Scripts/python.exe"};
  for (size_t i = 0; i < RUNG_COUNT(names) && !env->program; i++) {
    const char *path = rung__doctor_printf(d, "%s/%s", prefix, names[i]);
    if (rung__doctor_exists(d, path)) env->program = path;
  }
}

/* The interpreter's C library, by what it needs. */
static void look_at_program(doctor *d, python_env *env) {
  rung_elf elf;
  env->musl = d->machine->musl;
  env->libc_known = d->machine->libc[0] != 0;
  if (!env->program) return;
  const char *path = rung__doctor_real(d, rung__doctor_canonical(d, env->program));
  rung_status *status = rung_elf_open_any(d->allocator, path, &elf);
  for (size_t i = 0; !status && i < elf.needed_count; i++) {
    bool musl = strncmp(elf.needed[i], "libc.musl", 9) == 0;
    if (!musl && strcmp(elf.needed[i], "libc.so.6") != 0) continue;
    env->musl = musl;
    env->libc_known = true;
  }
  if (!status) rung_elf_close(&elf);
  rung_status_free(status);
}

/* Many extension modules end in ".cpython-311-x86_64-linux-gnu.so": the Python that most of them are for. */
static const char *version_of_modules(doctor *d, const char *site) {
  static const char *const patterns[] = {"numpy/*/*.cpython-3*.so", "*.cpython-3*.so", "*/*.cpython-3*.so"};
  unsigned counts[100] = {0}, best = 0;
  for (size_t i = 0; i < RUNG_COUNT(patterns) && !best; i++) {
    const doctor_list *found = rung__doctor_glob(d, rung__doctor_printf(d, "%s/%s", site, patterns[i]));
    for (size_t k = 0; k < found->count; k++) {
      unsigned minor = 0;
      if (strstr(found->at[k], "/onnxruntime/")) continue;
      if (sscanf(strstr(found->at[k], ".cpython-3") + 10, "%2u", &minor) == 1 && minor < 100) counts[minor]++;
    }
    for (unsigned minor = 1; minor < 100; minor++)
      if (counts[minor] > (best ? counts[best] : 0)) best = minor;
  }
  return best ? rung__doctor_printf(d, "3.%u", best) : "";
}

static void read_site(doctor *d, python_env *env, const char *site) {
  const doctor_list *names = rung__doctor_names(d, site);
  for (size_t i = 0; i < names->count; i++) {
    dist one;
    if (!rung__dist_read(d, site, names->at[i], &one) || rung_vec_push(d->allocator, &env->dists, one)) continue;
    rung__dist_free(d, &one);
    d->failed = true;
  }
}

static void free_env(doctor *d, python_env *env) {
  for (size_t i = 0; i < env->dists.count; i++) rung__dist_free(d, &env->dists.at[i]);
  rung_vec_free(d->allocator, &env->dists);
}

static bool has_site(const python_env *env, const char *site) {
  for (size_t i = 0; i < env->site_count; i++)
    if (strcmp(env->site[i], site) == 0) return true;
  return false;
}

static void add_site(doctor *d, python_env *env, const char *site) {
  const char *path = rung__doctor_canonical(d, site);
  if (env->site_count == PYTHON_MOST_SITES || !rung__doctor_is_folder(d, site) || has_site(env, path)) return;
  env->site[env->site_count++] = path;
}

/* Where the system's own packages are kept, pip refuses to work unless it is told that this is meant (PEP 668). */
static bool is_externally_managed(doctor *d, const char *prefix) {
  return rung__doctor_glob(d, rung__doctor_printf(d, "%s/lib/python3*/EXTERNALLY-MANAGED", prefix))->count;
}

/* The folders are there: the rest follows from them. */
static void complete(doctor *d, python_env *env, const char *prefix) {
  const char *configured = cut_version(d, venv_value(d, prefix, "version"));
  if (!configured[0]) configured = cut_version(d, venv_value(d, prefix, "version_info"));
  find_program(d, env, prefix);
  if (configured[0]) env->version = configured;
  if (!env->version[0] && env->site_count) env->version = version_in_path(d, env->site[0]);
  if (!env->version[0] && env->program) env->version = version_in_path(d, rung__doctor_canonical(d, env->program));
  if (!env->version[0] && env->site_count) env->version = version_of_modules(d, env->site[0]);
  env->conda = rung__doctor_is_folder(d, rung__doctor_printf(d, "%s/conda-meta", prefix));
  if (rung__doctor_is_file(d, rung__doctor_printf(d, "%s/pyvenv.cfg", prefix)))
    env->project = rung__doctor_folder_of(d, prefix);
  env->pip = env->program ? rung__doctor_printf(d, "%s -m pip", env->program) : "python -m pip";
  look_at_program(d, env);
  if (!env->project && env->program && is_externally_managed(d, prefix))
    env->pip = rung__doctor_printf(d, "PIP_BREAK_SYSTEM_PACKAGES=1 %s", env->pip);
  for (size_t i = 0; i < env->site_count; i++) read_site(d, env, env->site[i]);
  if (env->conda) rung__conda_read(d, env, prefix);
  /* uv makes virtual environments without pip, and has commands of the same words. */
  if (env->project && venv_value(d, prefix, "uv")[0] && !rung__python_dist(env, "pip"))
    env->pip = rung__doctor_printf(d, "VIRTUAL_ENV=%s uv pip", prefix);
}

static python_env *new_env(doctor *d, const char *path) {
  python_env *env = rung__doctor_alloc(d, 1, sizeof *env);
  if (!env) return NULL;
  *env = (python_env){.path = path, .version = "", .pip = "python -m pip"};
  return env;
}

static void keep(doctor *d, python_list *out, python_env *env) {
  if (rung_vec_push(d->allocator, &out->envs, env)) return;
  free_env(d, env);
  d->failed = true;
}

/* Where they are */

/* The folder of packages is all there is. */
static void add_folder(doctor *d, const char *site, python_list *out) {
  python_env *env = new_env(d, site);
  if (!env) return;
  env->site[env->site_count++] = site;
  complete(d, env, site);
  keep(d, out, env);
}

/* ~/.local/lib/python3.11/site-packages comes before the system's, unless the environment is virtual and closed. */
static void add_user_site(doctor *d, python_env *env, const char *version) {
  const char *home = rung__doctor_variable(d, "HOME");
  if (!home || home[0] != '/' || rung__doctor_variable(d, "PYTHONNOUSERSITE")) return;
  add_site(d, env, rung__doctor_printf(d, "%s/.local/lib/python%s/site-packages", home, version));
}

static bool is_known_site(const python_list *list, const char *site) {
  for (size_t i = 0; i < list->envs.count; i++)
    if (has_site(list->envs.at[i], site)) return true;
  return false;
}

/* The same folders were found by another way: several interpreters may share some of them. */
static bool is_known(const python_list *list, const python_env *env) {
  for (size_t i = 0; i < env->site_count; i++)
    if (!is_known_site(list, env->site[i])) return false;
  return true;
}

/* One environment per version of Python below the prefix. */
static size_t add_prefix(doctor *d, const char *prefix, python_list *out) {
  static const char *const layouts[] = {"site-packages", "dist-packages"};
  size_t before = out->envs.count;
  bool is_venv = rung__doctor_is_file(d, rung__doctor_printf(d, "%s/pyvenv.cfg", prefix));
  const char *open = is_venv ? venv_value(d, prefix, "include-system-site-packages") : "true";
  const doctor_list *versions = rung__doctor_glob(d, rung__doctor_printf(d, "%s/lib/python3.*", prefix));
  for (size_t i = 0; i < versions->count; i++) {
    const char *version = version_in_path(d, versions->at[i]);
    if (!version[0]) continue;
    python_env *env = new_env(d, prefix);
    if (!env) return 0;
    if (is_venv) add_site(d, env, rung__doctor_printf(d, "%s/site-packages", versions->at[i]));
    if (strcmp(open, "true") == 0) add_user_site(d, env, version);
    if (strcmp(prefix, "/usr") == 0)
      add_site(d, env, rung__doctor_printf(d, "/usr/local/lib/python%s/dist-packages", version));
    for (size_t k = 0; k < 2; k++) add_site(d, env, rung__doctor_printf(d, "%s/%s", versions->at[i], layouts[k]));
    if (strcmp(prefix, "/usr") == 0) add_site(d, env, "/usr/lib/python3/dist-packages");
    if (!env->site_count || is_known(out, env)) continue;
    env->version = version;
    complete(d, env, prefix);
    keep(d, out, env);
  }
  const char *windows = rung__doctor_printf(d, "%s/Lib/site-packages", prefix);
  if (out->envs.count == before && rung__doctor_is_folder(d, windows)) {
    python_env *env = new_env(d, prefix);
    if (!env) return 0;
    add_site(d, env, windows);
    complete(d, env, prefix);
    keep(d, out, env);
  }
  return out->envs.count - before;
}

static bool holds_packages(doctor *d, const char *folder) {
  return rung__doctor_glob(d, rung__doctor_printf(d, "%s/*.dist-info", folder))->count ||
         rung__doctor_glob(d, rung__doctor_printf(d, "%s/*.egg-info", folder))->count ||
         rung__doctor_is_folder(d, rung__doctor_printf(d, "%s/onnxruntime", folder));
}

/* A folder of packages that lies where Python wants it is examined with its interpreter and its pyvenv.cfg. */
static void add_site_with_prefix(doctor *d, const char *site, python_list *out) {
  const char *above = rung__doctor_folder_of(d, site), *lib = rung__doctor_folder_of(d, above);
  const char *prefix = rung__doctor_folder_of(d, lib);
  const char *name = rung__doctor_base_name(above);
  bool usual = strncmp(name, "python3.", 8) == 0 && strncmp(rung__doctor_base_name(lib), "lib", 3) == 0;
  bool windows = strcmp(name, "Lib") == 0;
  if (!usual && !windows) {
    add_folder(d, site, out);
    return;
  }
  python_env *env = new_env(d, site);
  if (!env) return;
  env->site[env->site_count++] = site;
  complete(d, env, usual ? prefix : lib);
  keep(d, out, env);
}

rung_status *rung__python_at(doctor *d, const char *path, python_list *out) {
  static const char *const inner[] = {"venv", ".venv", "env", ".env"};
  const char *place =
      path[0] == '/' ? path : rung__doctor_printf(d, "%s/%s", d->request->folder ? d->request->folder : "", path);
  RUNG_REQUIRE(rung__doctor_exists(d, place), NOT_FOUND, "%s: there is no such file or folder", path);
  size_t size = strlen(place);
  while (size > 1 && place[size - 1] == '/') size--;
  place = rung__doctor_copy(d, place, size);
  if (!rung__doctor_is_folder(d, place)) { /* an interpreter, without following its link: that is the environment's */
    const char *prefix = rung__doctor_folder_of(d, rung__doctor_folder_of(d, place));
    RUNG_REQUIRE(add_prefix(d, prefix, out), NOT_FOUND, "%s: it is no interpreter with packages around it", path);
    return NULL;
  }
  const char *folder = rung__doctor_canonical(d, place);
  if (strcmp(rung__doctor_base_name(folder), "capi") == 0) folder = rung__doctor_folder_of(d, folder);
  if (strcmp(rung__doctor_base_name(folder), "onnxruntime") == 0 &&
      (rung__doctor_is_folder(d, rung__doctor_printf(d, "%s/capi", folder)) ||
       rung__doctor_is_file(d, rung__doctor_printf(d, "%s/__init__.py", folder))))
    folder = rung__doctor_folder_of(d, folder);
  if (holds_packages(d, folder)) {
    add_site_with_prefix(d, folder, out);
    return NULL;
  }
  if (add_prefix(d, folder, out)) return NULL;
  for (size_t i = 0; i < RUNG_COUNT(inner); i++)
    if (add_prefix(d, rung__doctor_printf(d, "%s/%s", folder, inner[i]), out)) return NULL;
  const doctor_list *inside = rung__doctor_glob(d, rung__doctor_printf(d, "%s/*/pyvenv.cfg", folder));
  for (size_t i = 0; i < inside->count; i++) add_prefix(d, rung__doctor_folder_of(d, inside->at[i]), out);
  if (!out->envs.count) add_folder(d, folder, out);
  return NULL;
}

/* The prefix of "/usr/bin/python3" is "/usr"; a link is followed, too: a version manager's shims lead nowhere. */
static void add_path_variable(doctor *d, python_list *out) {
  static const char *const names[] = {"python3", "python"};
  const char *path = rung__doctor_variable(d, "PATH");
  for (const char *at = path; at && *at;) {
    size_t size = strcspn(at, ":");
    for (size_t i = 0; i < RUNG_COUNT(names) && at[0] == '/'; i++) {
      const char *program = rung__doctor_printf(d, "%.*s/%s", (int)size, at, names[i]);
      if (!rung__doctor_exists(d, program)) continue;
      const char *real = rung__doctor_canonical(d, program);
      add_prefix(d, rung__doctor_folder_of(d, rung__doctor_folder_of(d, program)), out);
      add_prefix(d, rung__doctor_folder_of(d, rung__doctor_folder_of(d, real)), out);
    }
    at += size + (at[size] == ':');
  }
}

static void add_all(doctor *d, const char *folder, const char *const *patterns, size_t count, python_list *out) {
  for (size_t i = 0; i < count; i++) {
    const doctor_list *found = rung__doctor_glob(d, rung__doctor_printf(d, "%s/%s", folder, patterns[i]));
    for (size_t k = 0; k < found->count; k++) add_prefix(d, found->at[k], out);
  }
}

static void add_home(doctor *d, const char *home, python_list *out) {
  static const char *const below[] = {"miniconda3",
                                      "miniconda3/envs/*",
                                      "anaconda3",
                                      "anaconda3/envs/*",
                                      "miniforge3",
                                      "miniforge3/envs/*",
                                      "mambaforge",
                                      "mambaforge/envs/*",
                                      ".conda/envs/*",
                                      "micromamba",
                                      "micromamba/envs/*",
                                      ".local/share/mamba/envs/*",
                                      ".pixi/envs/*",
                                      "*/.pixi/envs/*",
                                      ".pyenv/versions/*",
                                      ".virtualenvs/*",
                                      ".local/share/virtualenvs/*",
                                      ".cache/pypoetry/virtualenvs/*",
                                      ".local/share/pipx/venvs/*",
                                      ".local/pipx/venvs/*",
                                      ".local/share/uv/tools/*",
                                      ".local/share/uv/python/*",
                                      ".local/share/hatch/env/virtual/*/*/*",
                                      "pinokio/bin/miniconda",
                                      "pinokio/api/*/.env",
                                      "pinokio/api/*/env",
                                      "StabilityMatrix/Packages/*/venv",
                                      "*/venv",
                                      "*/.venv",
                                      "*/*/venv",
                                      "*/*/.venv"};
  add_all(d, home, below, RUNG_COUNT(below), out);
}

/* Below another root the variables of this process say nothing of homes. */
static void add_homes(doctor *d, python_list *out) {
  const char *home = rung__doctor_variable(d, "HOME");
  if (home && home[0] == '/') add_home(d, home, out);
  if (!d->root[0]) return;
  add_home(d, "/root", out);
  const doctor_list *found = rung__doctor_glob(d, "/home/*");
  for (size_t i = 0; i < found->count; i++) add_home(d, found->at[i], out);
}

void rung__python_find(doctor *d, python_list *out) {
  static const char *const inside[] = {"venv", ".venv", "env", ".env"};
  static const char *const system[] = {"usr",
                                       "usr/local",
                                       "opt/*",
                                       "opt/*/envs/*",
                                       "opt/*/venv",
                                       "opt/*/.venv",
                                       "venv",
                                       ".venv",
                                       "app/venv",
                                       "app/.venv",
                                       "srv/*/venv",
                                       "srv/*/.venv",
                                       "workspace/venv",
                                       "workspace/.venv",
                                       "workspace/*/venv",
                                       "workspace/*/.venv",
                                       "usr/src/.venv",
                                       "usr/src/*/venv",
                                       "usr/src/*/.venv"};
  static const char *const variables[] = {"VIRTUAL_ENV", "CONDA_PREFIX"};
  for (size_t i = 0; i < RUNG_COUNT(variables); i++) {
    const char *prefix = rung__doctor_variable(d, variables[i]);
    if (prefix && prefix[0] == '/') add_prefix(d, prefix, out);
  }
  add_path_variable(d, out);
  if (d->request->folder) add_all(d, d->request->folder, inside, RUNG_COUNT(inside), out);
  add_homes(d, out);
  add_all(d, "", system, RUNG_COUNT(system), out);
}

void rung__python_free(doctor *d, python_list *list) {
  for (size_t i = 0; i < list->envs.count; i++) free_env(d, list->envs.at[i]);
  rung_vec_free(d->allocator, &list->envs);
}

const dist *rung__python_dist(const python_env *env, const char *name) {
  for (size_t i = 0; i < env->dists.count; i++)
    if (strcmp(env->dists.at[i].name, name) == 0) return &env->dists.at[i];
  return NULL;
}

doctor_list *rung__python_library_folders(doctor *d, const python_env *env) {
  static const char *const patterns[] = {"nvidia/*/lib",  "tensorrt_libs",  "tensorrt_rtx_libs",
                                         "tensorrt*/lib", "torch/lib",      "openvino/libs",
                                         "*.libs",        "_rocm_sdk_*/lib"};
  doctor_list *all = NULL;
  for (size_t i = 0; i < env->site_count; i++)
    for (size_t k = 0; k < RUNG_COUNT(patterns); k++) {
      doctor_list *found = rung__doctor_glob(d, rung__doctor_printf(d, "%s/%s", env->site[i], patterns[k]));
      for (size_t n = 0; all && n < found->count; n++) rung__doctor_add(d, all, found->at[n]);
      if (!all) all = found;
    }
  if (env->conda) rung__doctor_add(d, all, rung__doctor_printf(d, "%s/lib", env->path));
  return all;
}
