/* Runs: what comes out, in whose memory, for which shapes. */
#include "contract.h"

#include <stdio.h>
#include <string.h>

static void runs(trial *t) {
  MUST(trial_feed(t, EXCHANGE_NEW, 0));
  MUST(trial_run(t));
}

/* The same inputs, the same bits. */
static void repeated(trial *t) {
  enum { RUNS = 5 };
  char words[500];
  exchange first;
  MUST(trial_feed(t, EXCHANGE_NEW, 0));
  MUST(trial_run(t));
  first = t->x;
  memset(t->x.outputs, 0, sizeof t->x.outputs);
  bool same = true;
  for (int i = 0; i < RUNS && same; i++) {
    same = trial_run(t) &&
           (exchange_same(&first, &t->x, words, sizeof words) || trial_fail(t, "run %d: %s", i + 2, words));
    exchange_clear(&t->x);
  }
  for (size_t i = 0; i < first.output_count; i++) rung_value_release(first.outputs[i]);
}

/* Memory of the caller */

static void bound_outputs(trial *t) {
  for (size_t shift = 0; shift <= 1; shift++) {
    MUST(trial_feed(t, EXCHANGE_BOUND, shift));
    MUST(trial_run(t));
    exchange_clear(&t->x);
    MUST(trial_run(t));
  }
}

static void odd_addresses(trial *t) {
  for (size_t shift = 1; shift <= 3; shift++) {
    MUST(trial_feed(t, EXCHANGE_NEW, shift));
    MUST(trial_run(t));
  }
}

/* Where the bytes of a constant begin is a matter of chance. */
static void odd_constants(trial *t) {
  for (t->shift = 0; t->shift < 4; t->shift++) {
    MUST(trial_open(t, t->text, 17));
    MUST(trial_feed(t, EXCHANGE_NEW, 0));
    MUST(trial_run(t));
  }
}

/* Inputs that are gone take nothing of the outputs with them. */
static void outputs_stay(trial *t) {
  char words[500];
  MUST(trial_feed(t, EXCHANGE_NEW, 0));
  MUST(trial_run(t));
  for (size_t i = 0; i < t->x.input_count; i++) {
    rung_value_release(t->x.inputs[i]);
    t->x.inputs[i] = NULL;
    pages_free(&t->x.in[i]);
  }
  rung_session_destroy(&t->session);
  CHECK(t, exchange_agrees(&t->x, &t->spec, words, sizeof words), "after the session is gone: %s", words);
}

/* Shapes */

static bool run_for(trial *t, int64_t size) {
  spec_resize(&t->spec, "N", size);
  if (!spec_fill(&t->spec)) return trial_fail(t, "%s", t->spec.trouble);
  return trial_feed(t, EXCHANGE_NEW, 0) && (trial_run(t) || trial_prefix(t, "N = %lld: ", (long long)size));
}

static void shapes(trial *t) {
  static const int64_t sizes[] = {3, 7, 3, 1, 7, 64, 3};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) MUST(run_for(t, sizes[i]));
}

static void empty_shapes(trial *t) {
  static const int64_t sizes[] = {0, 4, 0};
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) MUST(run_for(t, sizes[i]));
}

/* An island in a body runs once a trip, with the shapes that the trip has. */
static const char *const loop_models[] = {
    "n:i64[] = 3\n"
    "x:f32[1,2] = 1 -2\n"
    "c:bool[] = true\n"
    "y = Loop(n, c, x) body={ i:i64[] k:bool[] s:f32[R,2] -> k2 u ;"
    " k2 = Identity(k) ; u = Concat(s, s) axis=0 }\n"
    "want y:f32[8,2][i,j] = x[0,j]",
    "n:i64[] = 3\n"
    "x:f32[2] = 1 -2\n"
    "c:bool[] = true\n"
    "y = Loop(n, c, x) body={ i:i64[] k:bool[] s:f32[2] -> k2 u ;"
    " k2 = Identity(k) ; u = Add(s, s) }\n"
    "want y:f32[2][i] = 8 * x[i]",
    "n:i64[] = 3\n"
    "x:f32[2] = 1 -2\n"
    "c:bool[] = true\n"
    "y = Loop(n, c, x) body={ i:i64[] k:bool[] s:f32[2] -> k2 u ;"
    " k2 = Identity(k) ; u = Identity(s) }\n"
    "want y:f32[2][i] = x[i]",
    NULL};

static const char *const scalar_models[] = {
    "x:f32[] = -2.5\n"
    "t = Neg(x)\n"
    "y = Relu(t)\n"
    "want y:f32[] = 2.5",
    "x:f32[] = -2.5\n"
    "y = Add(x, x)\n"
    "want y:f32[] = -5",
    "x:f32[] = -2.5\n"
    "y = Identity(x)\n"
    "want y:f32[] = -2.5",
    NULL};

/* Values that are used more than once, or not changed. */

static const char *const handed_on_models[] = {
    "x:f32[3,5] = noise\n"
    "y = Identity(x)\n"
    "z = Identity(x)\n"
    "want y:f32[3,5][i,j] = x[i,j]\n"
    "want z:f32[3,5][i,j] = x[i,j]",
    NULL};

static const char *const same_twice_models[] = {
    "x:f32[3,5] = noise\n"
    "y = Mul(x, x)\n"
    "want y:f32[3,5][i,j] = x[i,j] * x[i,j]",
    "x:f32[4,4] = noise\n"
    "y = MatMul(x, x)\n"
    "want y:f32[4,4][i,j] = sum(k<4: x[i,k] * x[k,j])",
    NULL};

static const char *const unused_models[] = {
    "a:f32[2] = noise\n"
    "x:f32[3] = noise\n"
    "t = Relu(a)\n"
    "y = Neg(x)\n"
    "want y:f32[3][i] = -x[i]",
    "a:f32[2] = noise\n"
    "x:f32[3] = noise\n"
    "t = Identity(a)\n"
    "y = Identity(x)\n"
    "want y:f32[3][i] = x[i]",
    NULL};

static const char *const string_models[] = {
    "x:str[2,2] = 'one' 'and two' '' 'four'\n"
    "y = Identity(x)\n"
    "want y:str[2,2] = 'one' 'and two' '' 'four'",
    NULL};

/* Profiles: the witness looks at the events. */
static void profiled(trial *t) {
  rung_run_options options;
  rung_run_options_init(&options);
  options.profile = 1;
  char words[500], *profile;
  MUST(trial_feed(t, EXCHANGE_NEW, 0));
  MUST(trial_ok(t, exchange_run(&t->x, t->session, &options)));
  CHECK(t, exchange_agrees(&t->x, &t->spec, words, sizeof words), "a profiled run: %s", words);
  MUST(trial_ok(t, rung_session_profile_json(t->session, &profile)));
  rung_text_free(profile);
}

const contract run_contracts[] = {
    {"run/right", "a run gives what the model says", runs, small_models},
    {"run/repeated", "the same inputs give the same bits, however often", repeated, small_models},
    {"run/outputs", "several outputs, one of which is used inside, too", runs, joined_models},
    {"run/handed-on", "what goes in comes out as two outputs", runs, handed_on_models},
    {"run/same-twice", "one value is both inputs of a node", runs, same_twice_models},
    {"run/unused", "a value that nobody reads, and an input that matters to no output", runs, unused_models},
    {"run/bound", "outputs are written where the caller wants them, and nowhere else", bound_outputs, joined_models},
    {"run/odd-address", "inputs may begin at any address, and are only read", odd_addresses, small_models},
    {"run/odd-constants", "constants may begin at any address", odd_constants, constant_models},
    {"run/outputs-stay", "outputs live on when inputs and session are gone", outputs_stay, small_models},
    {"run/shapes", "one session runs for shape after shape, back and forth", shapes, open_models},
    {"run/empty", "tensors without elements go in and come out", empty_shapes, open_models},
    {"run/scalar", "tensors without dimensions go in and come out", runs, scalar_models},
    {"run/loop", "an island in the body of a Loop runs every time, with other shapes", runs, loop_models},
    {"run/raw", "constants in raw bytes", runs, constant_models},
    {"run/fields", "constants in typed fields", runs, field_models},
    {"run/file", "constants in a file of their own", runs, file_models},
    {"run/strings", "tensors of strings, where they are accepted", runs, string_models},
    {"run/profile", "a run tells what takes time when it is asked", profiled, small_models},
    {0}};
