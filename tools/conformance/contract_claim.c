/* Claims: yes, or no with a reason. The witness sees that answers are about nodes of the graph, and say why. */
#include "contract.h"

#include <string.h>

/* What nobody can know. */
static void foreign(trial *t, const char *text) {
  rung_session_options options;
  rung_session_options_init(&options);
  MUST(trial_load(t, text, 17));
  rung_status *status = trial_plan(t, NULL, &options, &t->session);
  long accepted = atomic_load(&t->watch.accepted);
  rung_code code = rung_status_code(status);
  rung_status_free(status);
  CHECK(t, !accepted, "it accepts an operator that does not exist");
  CHECK(t, code == RUNG_UNSUPPORTED || code == RUNG_CONTRACT, "a session is made, with the code %s",
        rung_code_name(code));
}

static void unknown_domain(trial *t) {
  foreign(t,
          "x:f32[3] = noise\n"
          "y = no.such.vendor::Frobnicate(x)\n"
          "want y:f32[3] = 0");
}

static void unknown_operator(trial *t) {
  foreign(t,
          "x:f32[3] = noise\n"
          "y = Frobnicate(x)\n"
          "want y:f32[3] = 0");
}

/* An operator that ONNX has, in a domain that is not ONNX's. */
static void borrowed_name(trial *t) {
  foreign(t,
          "x:f32[3] = noise\n"
          "y = no.such.vendor::Relu(x)\n"
          "want y:f32[3] = 0");
}

/* Every node is somebody's, or refused with a reason. */
static void reasons(trial *t) {
  static const char text[] =
      "x:f32[2,3] = noise\n"
      "a = Relu(x)\n"
      "b = no.such.vendor::Frobnicate(a)\n"
      "c = Transpose(x)\n"
      "d = Identity(c)\n"
      "want a:f32[2,3] = 0\n"
      "want d:f32[3,2] = 0";
  rung_session_options options;
  rung_session_options_init(&options);
  options.inspect_only = 1;
  MUST(trial_load(t, text, 17));
  MUST(trial_ok(t, trial_plan(t, NULL, &options, &t->session)));
  const rung_plan *plan = rung_session_plan(t->session);
  for (size_t i = 0; i < plan->node_count; i++) {
    const rung_plan_node *node = &plan->nodes[i];
    CHECK(t, node->provider || node->refusal_count, "%s is nobody's, and no reason is known", node->op_type);
    for (size_t k = 0; k < node->refusal_count; k++)
      CHECK(t, node->refusals[k].reason[0] && node->refusals[k].words[0], "%s is refused without words", node->op_type);
  }
}

/* The plan depends on the model and the options, on nothing else. */
static void same_twice(trial *t) {
  char *plans[2] = {0};
  bool ok = true;
  for (int i = 0; i < 2 && ok; i++) {
    rung_session *session = NULL;
    rung_session_options options;
    rung_session_options_init(&options);
    ok =
        trial_ok(t, trial_plan(t, NULL, &options, &session)) && trial_ok(t, rung_session_plan_json(session, &plans[i]));
    rung_session_destroy(&session);
  }
  if (ok && strcmp(plans[0], plans[1]) != 0) trial_fail(t, "the same session twice has two plans");
  rung_text_free(plans[0]);
  rung_text_free(plans[1]);
}

const contract claim_contracts[] = {
    {"claim/domain", "an operator of an unknown domain is refused", unknown_domain, NULL},
    {"claim/operator", "an operator that does not exist is refused", unknown_operator, NULL},
    {"claim/name", "an operator is its domain and its name: Relu of another domain is refused", borrowed_name, NULL},
    {"claim/reasons", "every node is accepted, or refused with a reason", reasons, NULL},
    {"claim/twice", "the same model and options give the same plan", same_twice, joined_models},
    {0}};
