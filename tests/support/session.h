/* Sessions for tests: a model from text (onnx_text.h), a chain, inputs that count up. All go through rung.h. */
#ifndef RUNG_TESTS_SESSION_H
#define RUNG_TESTS_SESSION_H

#include "rung.h"
#include "support/counting.h"
#include "onnx_text.h"

#include <stdbool.h>

enum { SESSION_MOST = 8 };

typedef struct test_session {
  counting counts; /* the environment's allocator */
  rung_env *env;
  char *bytes;
  rung_model *model;
  rung_session *session;
  rung_value *inputs[SESSION_MOST], *outputs[SESSION_MOST];
  char log[4096]; /* lines so far */
  long before[4]; /* what fakes of tests that failed have left */
} test_session;

/* An environment with two threads and the fake accelerator loaded. Fails the test when it cannot. */
void session_begin(test_session *t);
/* The same with the option `cpu_features`. */
void session_begin_masked(test_session *t, const char *cpu_features);
/* The model; `opset` 0 is ONNX_TEXT_OPSET. */
void session_load(test_session *t, const char *text, int opset);
/* `chain` over the model. Passes are off, so that the graph is what the text says; `options` may be NULL. */
rung_status *session_open(test_session *t, const char *chain, const rung_session_options *options);
void session_close(test_session *t);
/* begin, load, open; fails the test when the session cannot be made. */
void session_make(test_session *t, const char *text, const char *chain);
/* Inputs: element k of input i is k + i + 1; open dimensions are 2; bool inputs are true. */
void session_fill(test_session *t);
/* Runs with the inputs; outputs are in t->outputs. */
rung_status *session_run(test_session *t);
void session_drop_outputs(test_session *t);
/* Frees all, and checks that nothing stays alive, on the host and on the device. */
void session_end(test_session *t);

/* Element k of output i as number. */
double session_out(const test_session *t, size_t i, size_t k);
/* Who runs the node of that name, in the plan; NULL: there is no such node. */
const rung_plan_node *session_node(const test_session *t, const char *name);
/* Why `provider` refused that node; NULL: it did not. */
const rung_plan_refusal *session_refusal(const test_session *t, const char *node, const char *provider);
/* "a+b c+d": the nodes of the islands in their order; islands of the host as "~a". */
const char *session_islands(const test_session *t, char *out, size_t size);
/* Does the log hold this? */
bool session_said(const test_session *t, const char *words);

/* What the fakes of this process did (support/fake.h). */
struct fake_count;
struct fake_count *session_fake(void);

#endif
