/* Reads the JSON of the option load_config: an object of properties, or of objects of properties by device.
 *
 *     {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": 1}
 *     {"CPU": {"ENABLE_CPU_PINNING": true}, "GPU": {"CACHE_DIR": "/tmp/cache"}}
 *
 * Nothing deeper, no lists: the JSON that OpenVINO's properties need, and no more. */
#ifndef RUNG_PROVIDER_OPENVINO_JSON_H
#define RUNG_PROVIDER_OPENVINO_JSON_H

#include "base/arena.h"
#include "base/status.h"

/* `device` is NULL for a property that stands outside of any device's object. Numbers come as written, true and false
 * as YES and NO, which is how OpenVINO spells them. The texts live in the arena. */
typedef rung_status *openvino_property_fn(void *context, const char *device, const char *key, const char *value);

/* INVALID_ARGUMENT that names the place (a byte from the beginning) and what is wrong there. */
rung_status *rung__openvino_read_json(const char *text, rung_arena *arena, openvino_property_fn *fn,
                                      void *context) RUNG_MUST_CHECK;

#endif
