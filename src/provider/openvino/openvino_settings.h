/* The options of the provider, checked, and what they mean to OpenVINO. */
#ifndef RUNG_PROVIDER_OPENVINO_SETTINGS_H
#define RUNG_PROVIDER_OPENVINO_SETTINGS_H

#include "base/arena.h"
#include "base/status.h"
#include "rung_provider.h"

enum { OPENVINO_MOST_DEVICES = 8 };

/* One property of OpenVINO's. Of two with the same key the later holds. */
typedef struct openvino_property {
  const char *device; /* "GPU"; NULL: every device in use */
  const char *key, *value;
  const char *option; /* the option that asks for it; NULL: our own wish, dropped where a device does not know it */
} openvino_property;

typedef struct openvino_settings {
  rung_arena arena;    /* of all texts */
  const char *library; /* file or folder; NULL: to be looked for */
  const char *device;  /* as OpenVINO takes it: "CPU", "GPU.1", "AUTO:GPU,CPU" */
  const char *group;   /* what stands before a list: "AUTO", "HETERO", "MULTI"; NULL: one device */
  size_t device_count; /* 0: AUTO takes what it finds */
  const char *devices[OPENVINO_MOST_DEVICES]; /* the plain ones named in `device` */
  size_t property_count;
  openvino_property *properties;
  const char *precision; /* what is computed differently on request ("float16"); NULL: nothing */
  bool dynamic;          /* one model for all shapes */
  uint32_t most_shapes;  /* compiled models kept per island */
} openvino_settings;

/* For the table of the provider. */
extern const rung_option_spec rung__openvino_options[];

/* The host has checked keys and simple values; the rest is checked here, without OpenVINO. INVALID_ARGUMENT names the
 * option. */
rung_status *rung__openvino_settings_init(openvino_settings *settings, const rung_host *host, const rung_option *given,
                                          size_t count) RUNG_MUST_CHECK;
void rung__openvino_settings_finish(openvino_settings *settings);

/* Does `device` ("GPU.1") belong to `family` ("GPU")? */
bool rung__openvino_is_device(const char *device, const char *family);

#endif
