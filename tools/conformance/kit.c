/* rung-provider-conformance: does a provider keep what rung_provider.h promises, and does it compute what it claims to?
 *
 * cases.h has the list; a case runs in a process of its own (runner.h), with a witness between rung and the provider.
 */
#include "disk.h"
#include "ending.h"
#include "json_out.h"
#include "known.h"
#include "manual.h"
#include "runner.h"
#include "table.h"
#include "term.h"
#include "text.h"
#include "vendor_paths.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The command line */

typedef struct kit_args {
  const char *provider, *library, *known;
  text_list patterns, files, folders;
  int64_t threads, seconds, minimum;
  bool list, json, verbose, here, man, words, version;
} kit_args;

#define ARG(name) offsetof(kit_args, name)

static const option kit_options[] = {
    {"provider", 'p', "NAME:KEY=VALUE", "the provider, with options as in a chain; or as operand", set_text,
     ARG(provider)},
    {"library", 0, "FILE", "the provider's library; without it, it is one of rung's own", set_text, ARG(library)},
    {"case", 'c', "PATTERN", "only cases whose name fits, as in a shell (may be repeated)", set_more, ARG(patterns)},
    {"cases", 0, "FILE", "more cases of operators, in the form of --list -v (may be repeated)", set_more, ARG(files)},
    {"known", 0, "FILE", "cases that are known to fail, \"NAME reason\" a line; one that passes has failed", set_text,
     ARG(known)},
    {"min", 0, "N", "fail when fewer cases than this have run on the provider and passed; default: 1", set_count,
     ARG(minimum)},
    {"seconds", 0, "N", "time that a case may take; default: 120", set_count, ARG(seconds)},
    {"threads", 't', "N", "threads that the provider may use; default: all", set_count, ARG(threads)},
    {"search", 0, "DIR", "look for vendors' libraries there, too (may be repeated)", set_more, ARG(folders)},
    {"here", 0, NULL, "run the cases in this process: for a debugger", set_flag, ARG(here)},
    {"list", 'l', NULL, "say which cases there are; with -v, all of them in full", set_flag, ARG(list)},
    {"verbose", 'v', NULL, "say how each case ended", set_flag, ARG(verbose)},
    {"json", 0, NULL, "print JSON", set_flag, ARG(json)},
    {"version", 'V', NULL, "print the version", set_flag, ARG(version)},
    {"man", 0, NULL, "print the manual page", set_flag, ARG(man)},
    {"words", 0, NULL, "print words for completion", set_flag, ARG(words)},
    {0}};

static const char story[] =
    "Tests an execution provider: whether it keeps to the interface rung_provider.h, and whether it computes what it\n"
    "claims. Every case runs with this provider alone. A node that it refuses, with a reason, is a case that is "
    "skipped;\n"
    "what it accepts has to be right.\n"
    "\n"
    "  table, probe, option   what can be seen from outside: slots, states, options\n"
    "  life, claim            sessions come and go; answers have reasons\n"
    "  run, stress            memory, shapes, threads, failures, cancelling\n"
    "  Add/..., Conv/...      one operator each, against a formula for what it computes\n"
    "\n"
    "In each, memory is guarded and counted: inputs can only be read, outputs end where nothing may be touched, and "
    "all\n"
    "that was allocated has to be given back.\n"
    "\n"
    "  rung-provider-conformance --library ./libmine.so mine\n"
    "  rung-provider-conformance --library ./libmine.so mine:device=1 --case 'Conv/*' -v\n"
    "  rung-provider-conformance --library ./libmine.so mine --min 150\n"
    "  gdb --args rung-provider-conformance --library ./libmine.so mine --here --case run/bound\n"
    "\n"
    "The last line counts the cases. Exit status: 0 when none failed and enough ran, 1 when not, 2 when the command "
    "line\n"
    "is wrong, else 10 and the code of a status (rung help exit-codes).";

static const command kit_command = {.name = "rung-provider-conformance",
                                    .operands = "PROVIDER",
                                    .summary = "test an execution provider",
                                    .story = story,
                                    .groups = {{"Options", kit_options}},
                                    .is_program = true};

static void print_man(void) {
  printf(
      ".TH RUNG-PROVIDER-CONFORMANCE 1 \"\" \"rung %s\"\n.SH NAME\nrung\\-provider\\-conformance \\- %s\n"
      ".SH SYNOPSIS\n.B rung\\-provider\\-conformance\n.I PROVIDER\n[options]\n.SH DESCRIPTION\n",
      rung_version(), kit_command.summary);
  man_verbatim(story);
  puts(".SH OPTIONS");
  man_options(&kit_command);
  puts(
      ".SH EXIT STATUS\n.TP\n.B 0\nno case failed, and enough ran\n.TP\n.B 1\na case failed, or too few ran\n.TP\n.B "
      "2\n"
      "the command line is wrong");
  man_codes();
  puts(".SH SEE ALSO\n.BR rung (1)");
}

/* The provider: "mine:key=value,key=value" */

static int name_provider(const kit_args *args, const char *operand, kit *k) {
  if (args->provider && operand)
    return fail(EXIT_USAGE, "\"%s\" is one provider too many, -p names one", clean(operand));
  const char *text = operand ? operand : args->provider;
  if (!text)
    return fail(EXIT_USAGE, "which provider? (usage: %s %s [options])", call_text(&kit_command), kit_command.operands);
  size_t size = strcspn(text, ":");
  k->name = copy_text(text, size);
  k->options = text[size] ? text + size + 1 : "";
  k->library = args->library;
  k->threads = (uint32_t)args->threads;
  return 0;
}

/* Listing */

static void print_list(const case_list *list, bool whole) {
  table t = {.columns = 2};
  for (size_t i = 0; i < list->count; i++) {
    const kit_case *c = &list->at[i];
    const char *text = c->text ? c->text : "";
    if (whole && !c->contract) {
      printf("%s opset %d\n%.*s\n\n", c->name, c->opset, (int)c->size, text);
      continue;
    }
    table_add(&t, c->name);
    table_add(&t, c->contract ? c->contract->promise : "");
  }
  table_print(&t);
}

/* Results */

typedef struct totals {
  size_t of[OUTCOMES], ran; /* ran: on the provider, and passed */
} totals;

static const char *const outcome_words[OUTCOMES] = {"passed", "failed", "skipped"};

static totals count_verdicts(const verdict *verdicts, size_t count) {
  totals sum = {0};
  for (size_t i = 0; i < count; i++) {
    sum.of[verdicts[i].what]++;
    sum.ran += verdicts[i].ran && verdicts[i].what == PASSED;
  }
  return sum;
}

/* "refused: Abs: operator: Abs" counts as "refused: operator". */
static const char *kind_of_skip(const char *words) {
  static const char refused[] = "refused: ";
  static char kind[VERDICT_WORDS];
  if (starts_with(words, "known: ")) return "known to fail";
  const char *reason = starts_with(words, refused) ? strstr(words + strlen(refused), ": ") : NULL;
  if (!reason) return words;
  snprintf(kind, sizeof kind, "%s%.*s", refused, (int)strcspn(reason + 2, ":"), reason + 2);
  return kind;
}

static void print_skipped(const verdict *verdicts, size_t count) {
  bool *counted = get_memory(count + 1, sizeof *counted);
  for (size_t i = 0; i < count; i++) {
    if (verdicts[i].what != SKIPPED || counted[i]) continue;
    size_t same = 0;
    char *kind = format_text("%s", kind_of_skip(verdicts[i].words));
    for (size_t k = i; k < count; k++)
      if (verdicts[k].what == SKIPPED && strcmp(kind, kind_of_skip(verdicts[k].words)) == 0) counted[k] = true, same++;
    printf("skipped %4zu  %s\n", same, clean(kind));
    free(kind);
  }
  free(counted);
}

static void print_results(const kit_args *args, const case_list *list, const verdict *verdicts) {
  static const ink inks[OUTCOMES] = {GOOD, BAD, DIM};
  for (size_t i = 0; i < list->count; i++) {
    const verdict *v = &verdicts[i];
    if (!args->verbose && v->what != FAILED) continue;
    printf("%s%-7s%s %s%s%s\n", in(inks[v->what]), v->what == FAILED ? "FAILED" : outcome_words[v->what], in(PLAIN),
           list->at[i].name, v->words[0] ? ": " : "", clean(v->words));
  }
  if (!args->verbose) print_skipped(verdicts, list->count);
  totals sum = count_verdicts(verdicts, list->count);
  printf("%zu passed, %zu failed, %zu skipped\n", sum.of[PASSED], sum.of[FAILED], sum.of[SKIPPED]);
}

static void write_json(const kit *k, const introduction *who, const case_list *list, const verdict *verdicts) {
  totals sum = count_verdicts(verdicts, list->count);
  json_object(NULL);
  json_text("provider", k->name);
  json_text("version", who->version);
  json_text("summary", who->summary);
  json_text("rung", rung_version());
  json_array("cases");
  for (size_t i = 0; i < list->count; i++) {
    json_object(NULL);
    json_text("name", list->at[i].name);
    json_text("outcome", outcome_words[verdicts[i].what]);
    json_bool("ran", verdicts[i].ran);
    json_text("words", verdicts[i].words[0] ? verdicts[i].words : NULL);
    json_end();
  }
  json_end();
  for (int what = 0; what < OUTCOMES; what++) json_count(outcome_words[what], (int64_t)sum.of[what]);
  json_count("ran", (int64_t)sum.ran);
  json_end();
}

static int judge(const kit_args *args, const kit *k, const verdict *verdicts, size_t count) {
  totals sum = count_verdicts(verdicts, count);
  if (sum.of[FAILED])
    return fail(EXIT_DIFFERENT, "%zu %s of provider %s failed", sum.of[FAILED], plural(sum.of[FAILED], "case", "cases"),
                k->name);
  if (sum.ran < (size_t)args->minimum)
    return fail(EXIT_DIFFERENT, "%zu %s ran on provider %s, --min asks for %lld%s", sum.ran,
                plural(sum.ran, "case", "cases"), k->name, (long long)args->minimum,
                sum.ran ? "" : " (cases for operators of its own: --cases FILE)");
  return 0;
}

/* The whole */

static int apply_known(const kit_args *args, const case_list *list, verdict *verdicts) {
  bytes file;
  if (!args->known) return 0;
  TRY(read_file(args->known, &file));
  known_apply((char *)file.data, list, verdicts);
  free_bytes(&file);
  return 0;
}

static int test(const kit_args *args, const kit *k, const case_list *list) {
  introduction *who = shared_memory(sizeof *who);
  verdict *verdicts = shared_memory((list->count + 1) * sizeof *verdicts);
  runner_look(k, who);
  if (!who->usable) return fail(who->exit_code, "provider %s cannot be tested: %s", k->name, who->words);
  if (!args->json) printf("%s%s%s %s: %s\n", in(BOLD), k->name, in(PLAIN), clean(who->version), clean(who->summary));
  runner_run(k, list, (unsigned)args->seconds, args->here, verdicts);
  TRY(apply_known(args, list, verdicts));
  if (args->json)
    write_json(k, who, list, verdicts);
  else
    print_results(args, list, verdicts);
  return judge(args, k, verdicts, list->count);
}

static int remove_entry(const char *path, const struct stat *what, int kind, struct FTW *place) {
  (void)what, (void)kind, (void)place;
  return remove(path);
}

/* With a folder for files, which goes again. */
static int test_in_folder(const kit_args *args, kit *k, const case_list *list) {
  enum { FOLDERS_AT_ONCE = 8 };
  const char *temporary = getenv("TMPDIR");
  char *folder = format_text("%s/rung-conformance-XXXXXX", temporary && temporary[0] ? temporary : "/tmp");
  if (!mkdtemp(folder)) return fail(EXIT_OF(IO), "%s: a folder for files cannot be made", folder);
  k->folder = folder;
  int code = test(args, k, list);
  nftw(folder, remove_entry, FOLDERS_AT_ONCE, FTW_DEPTH | FTW_PHYS);
  free(folder);
  return code;
}

static int add_files(const kit_args *args, case_list *list, text_list *texts) {
  for (size_t i = 0; i < args->files.count; i++) {
    bytes file;
    TRY(read_file(args->files.at[i], &file));
    text_list_add(texts, (char *)file.data);
    if (!cases_add(list, (char *)file.data)) return fail(EXIT_USAGE, "%s: no list of cases", clean(args->files.at[i]));
  }
  return 0;
}

static int run(const kit_args *args, const char *operand) {
  case_list list = {0};
  text_list texts = {0}, paths = {0};
  kit k = {0};
  cases_collect(&list);
  int code = add_files(args, &list, &texts);
  cases_choose(&list, &args->patterns);
  if (!code && !list.count) code = fail(EXIT_USAGE, "no case has such a name; --list says which there are");
  if (!code && args->list) {
    print_list(&list, args->verbose);
  } else if (!code) {
    code = name_provider(args, operand, &k);
    for (size_t i = 0; i < args->folders.count; i++) add_path(&paths, args->folders.at[i]);
    find_vendor_paths(&paths);
    add_path(&paths, NULL);
    k.search_paths = paths.at;
    if (!code) code = test_in_folder(args, &k, &list);
  }
  free((char *)k.name);
  text_list_free(&paths);
  text_list_free(&texts);
  cases_free(&list);
  return code;
}

static int dispatch(int argc, char **argv) {
  static kit_args args = {.seconds = 120, .minimum = 1};
  const char *operand = NULL;
  int count;
  if (is_given(argc, argv, "--help") || is_given(argc, argv, "-h")) return help_command(&kit_command), 0;
  TRY(args_parse(&kit_command, argc - 1, argv + 1, (void *[]){&args}, &operand, 1, &count));
  if (args.man)
    print_man();
  else if (args.words)
    help_words(&kit_command);
  else if (args.version)
    printf("%s %s\n", kit_command.name, rung_version());
  else
    return run(&args, operand);
  return 0;
}

int main(int argc, char **argv) { return end_program(kit_command.name, dispatch(argc, argv), argc, argv); }
