/* Between the files of the OpenVINO provider:
 *
 *   openvino_settings  the options            openvino_claim    which nodes
 *   openvino_json      load_config            openvino_compile  islands become engines, or nodes are refused
 *   openvino_find      states                 openvino_shapes   what a shape key leads to
 *   openvino_library   the library, bound     openvino_engine   models, compiled per shape key
 *   openvino_keep      saved, and loaded      openvino_run      runs
 *
 * An island is written as ONNX and read by OpenVINO once; that model, with its symbolic dimensions, is an engine. Per
 * shape key (the shapes of the island's inputs) the engine holds a variant: what our own inference says of the outputs,
 * and a compiled model, made when the key is first seen. */
#ifndef RUNG_PROVIDER_OPENVINO_OPENVINO_H
#define RUNG_PROVIDER_OPENVINO_OPENVINO_H

#include "base/arena.h"
#include "base/dtype.h"
#include "base/sha1.h"
#include "base/status.h"
#include "base/str.h"
#include "provider/openvino/openvino_library.h"
#include "provider/openvino/openvino_settings.h"

#include <pthread.h>

/* One per session that lists the provider. */
typedef struct openvino_provider {
  const rung_host *host;
  openvino_settings settings;
  openvino_library library;
  ov_core *core;
  struct openvino_engine *idle; /* of islands that were given up: another round may want the same */
} openvino_provider;

/* A compiled model and its infer requests: as many as have ever run at once. */
typedef struct openvino_compiled {
  ov_compiled_model *model;
  RUNG_VEC(ov_infer_request *) requests; /* those at rest; guarded by the engine's lock */
} openvino_compiled;

/* What a shape key leads to. */
typedef struct openvino_variant {
  rung_arena arena;
  const int64_t *key;         /* the dimensions of all inputs, one after another */
  const rung_type *outputs;   /* per output of the island: what follows from the graph */
  openvino_compiled compiled; /* unless the engine has one for all shapes */
  rung_part part;             /* what that was loaded from, and may use in place */
  uint32_t users;             /* runs that are on it; guarded by the engine's lock, as is last_use */
  uint64_t last_use;
} openvino_variant;

/* OpenVINO drops inputs that change nothing (the ratio of a Dropout) when it reads a model. */
#define OPENVINO_NO_PORT SIZE_MAX

typedef struct openvino_engine {
  openvino_provider *provider;
  struct openvino_engine *next;  /* among the idle ones */
  char identity[RUNG_SHA1_TEXT]; /* of the ONNX bytes */
  ov_model *model;               /* as it was read; reshaped before it is compiled. NULL until one is needed, when the
                                  * engine was loaded */
  rung_shelf *shelf;         /* where what is compiled for a shape is kept, of the executable that holds the engine */
  const void *blob;          /* what it was loaded from, as OpenVINO exported it; the host keeps it while the */
  size_t blob_size;          /* executable lives. NULL: compiled here, or nothing but the model is needed */
  bool fixed;                /* all input shapes are known, and the model was written for them */
  size_t *ports;             /* per input of the island: its number at OpenVINO, or OPENVINO_NO_PORT */
  openvino_compiled whole;   /* option disable_dynamic_shapes=false: the one for all shapes */
  pthread_mutex_t compiling; /* guards model; held while a variant is made */
  pthread_mutex_t lock;      /* guards the rest; never held while OpenVINO works */
  RUNG_VEC(openvino_variant *) variants;
  uint64_t clock; /* of last_use: counts up */
} openvino_engine;

/* One island; the engine is its own until it is freed. */
typedef struct openvino_executable {
  openvino_engine *engine;
  const rung_graph *island;
} openvino_executable;

/* openvino_claim.c: slots of the provider. */
rung_status *rung__openvino_claim(void *state, const rung_graph *graph, rung_claims *claims) RUNG_MUST_CHECK;
extern const rung_offline rung__openvino_offline; /* the same claims, without the library */
int rung__openvino_support(const char *domain, const char *op_type, char *types, size_t size);

/* openvino_shapes.c */

/* What a walk through an island with real input shapes finds. */
typedef struct openvino_shapes {
  rung_type *outputs;         /* per output of the island; symbols where the shape depends on data */
  rung_amendment *amendments; /* attributes that OpenVINO needs to be told otherwise for these shapes */
  size_t amendment_count;
} openvino_shapes;

/* `key` as in openvino_variant. All memory is the arena's. */
rung_status *rung__openvino_infer(const rung_host *host, const rung_graph *island, const int64_t *key,
                                  rung_arena *arena, openvino_shapes *out_shapes) RUNG_MUST_CHECK;

/* openvino_engine.c */

/* The island as ONNX, into `text`; UNSUPPORTED or LIMIT when it cannot be written. `writing` NULL: as it is. */
rung_status *rung__openvino_write(const openvino_provider *provider, const rung_graph *island,
                                  const rung_writing *writing, rung_text *text) RUNG_MUST_CHECK;
rung_status *rung__openvino_read(const openvino_provider *provider, const rung_text *text,
                                 ov_model **out_model) RUNG_MUST_CHECK;
rung_status *rung__openvino_compile_model(const openvino_provider *provider, const ov_model *model,
                                          ov_compiled_model **out_compiled) RUNG_MUST_CHECK;
/* Takes `model`, also when it fails. */
rung_status *rung__openvino_engine_create(openvino_provider *provider, const rung_graph *island, ov_model *model,
                                          openvino_engine **out_engine) RUNG_MUST_CHECK;
/* Without a model, for what was saved: `ports` as in the engine. */
rung_status *rung__openvino_engine_restore(openvino_provider *provider, const size_t *ports, uint32_t count,
                                           openvino_engine **out_engine) RUNG_MUST_CHECK;
void rung__openvino_engine_free(openvino_engine *engine);

/* How many dimensions a key of the island has, and the key that its types say; false when they leave one open. */
size_t rung__openvino_key_size(const rung_graph *island);
bool rung__openvino_static_key(const rung_graph *island, int64_t *out_key);
/* The variant for a key, made when it is new; in use until it is given back. */
rung_status *rung__openvino_take_variant(openvino_engine *engine, const rung_graph *island, const int64_t *key,
                                         openvino_variant **out_variant) RUNG_MUST_CHECK;
void rung__openvino_give_variant(openvino_engine *engine, openvino_variant *variant);
/* What runs it: its own compiled model, or the one for all shapes. */
static inline openvino_compiled *rung__openvino_compiled_of(openvino_engine *engine, openvino_variant *variant) {
  return engine->whole.model ? &engine->whole : &variant->compiled;
}

/* openvino_compile.c: slots of the provider. */
/* Takes the engine, also when it fails. */
rung_status *rung__openvino_make_executable(const openvino_provider *provider, const rung_graph *island,
                                            openvino_engine *engine, void **out_executable) RUNG_MUST_CHECK;
rung_status *rung__openvino_compile(void *state, const rung_graph *island, const rung_compile *compile,
                                    void **out_executable) RUNG_MUST_CHECK;
void rung__openvino_free_executable(void *state);
void rung__openvino_trim(void *state); /* frees the idle engines */

/* openvino_keep.c: slots of the provider; and what was exported becomes a compiled model again. */
rung_status *rung__openvino_identity(void *state, rung_identity *identity) RUNG_MUST_CHECK;
rung_status *rung__openvino_save(void *state, const rung_saving *saving) RUNG_MUST_CHECK;
rung_status *rung__openvino_load_executable(void *state, const rung_graph *island, const rung_compile *compile,
                                            const void *data, size_t size, void **out_executable) RUNG_MUST_CHECK;
rung_status *rung__openvino_import(const openvino_provider *provider, const void *blob, size_t size,
                                   ov_compiled_model **out_compiled) RUNG_MUST_CHECK;
/* A variant of an engine that is compiled per shape: from the shelf (then variant->part holds it), and to it. */
void rung__openvino_find_variant(const openvino_engine *engine, size_t key_size, openvino_variant *variant);
void rung__openvino_keep_variant(const openvino_engine *engine, size_t key_size, openvino_variant *variant);

/* openvino_run.c: slot of the provider. */
rung_status *rung__openvino_run(void *state, const rung_run *run, rung_fence **out_fence) RUNG_MUST_CHECK;

#endif
