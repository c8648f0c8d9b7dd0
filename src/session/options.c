/* Session options that outlive the call they came with. */
#include "session/session.h"

static bool copy_text(rung_arena *arena, const char **text) {
  if (!*text) return true;
  *text = rung_arena_copy(arena, *text, strlen(*text));
  return *text != NULL;
}

static const void *copy_list(rung_arena *arena, const void *list, size_t count, size_t size) {
  void *copy = rung_arena_alloc(arena, count, size);
  if (copy && count) memcpy(copy, list, count * size);
  return copy;
}

#define COPY_LIST(list, count) \
  ((options->list = copy_list(arena, options->list, options->count, sizeof *options->list)) != NULL)

rung_status *rung__options_copy(rung_arena *arena, const rung_session_options *from, rung_session_options *options) {
  *options = *from;
  bool done = copy_text(arena, &options->chain) && copy_text(arena, &options->passes_off) &&
              copy_text(arena, &options->contract) && copy_text(arena, &options->figures) &&
              copy_text(arena, &options->lock) && copy_text(arena, &options->cache_folder) &&
              COPY_LIST(provider_options, provider_option_count) && COPY_LIST(dimensions, dimension_count) &&
              COPY_LIST(shapes, shape_count) && COPY_LIST(pins, pin_count) &&
              COPY_LIST(extra_outputs, extra_output_count);
  for (size_t i = 0; done && i < options->provider_option_count; i++) {
    rung_provider_option *o = (rung_provider_option *)&options->provider_options[i];
    done = copy_text(arena, &o->provider) && copy_text(arena, &o->key) && copy_text(arena, &o->value);
  }
  for (size_t i = 0; done && i < options->dimension_count; i++)
    done = copy_text(arena, &((rung_dimension *)&options->dimensions[i])->name);
  for (size_t i = 0; done && i < options->shape_count; i++) {
    rung_shape *shape = (rung_shape *)&options->shapes[i];
    shape->dims = copy_list(arena, shape->dims, (size_t)RUNG_MAX(shape->rank, 0), sizeof *shape->dims);
    done = shape->dims && copy_text(arena, &shape->input);
  }
  for (size_t i = 0; done && i < options->pin_count; i++) {
    rung_pin *pin = (rung_pin *)&options->pins[i];
    done = copy_text(arena, &pin->nodes) && copy_text(arena, &pin->provider);
  }
  for (size_t i = 0; done && i < options->extra_output_count; i++)
    done = copy_text(arena, &((const char **)options->extra_outputs)[i]);
  return done ? NULL : rung_status_out_of_memory();
}
