#include "page.h"

#include "disk.h"
#include "json_out.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Made by cmake/EmbedPage.cmake: what stands before and after the data. */
#include "page_html.inc"

void page_begin(const char *kind, const char *model) {
  json_aside();
  json_object(NULL);
  json_text("rung", rung_version());
  json_text("kind", kind);
  json_text("model", model);
}

int page_add_session(const rung_session *session) {
  char *text;
  TRY_STATUS(rung_session_plan_json(session, &text));
  json_raw("plan", text);
  rung_text_free(text);
  TRY_STATUS(rung_session_graph_json(session, &text));
  json_raw("graph", text);
  rung_text_free(text);
  return 0;
}

/* JSON within a script element: no '<', for "</script>" would end it; white space between tokens goes. */
static void put_data(FILE *to, const char *json) {
  bool quoted = false;
  for (; *json; json++) {
    if (quoted && *json == '\\') {
      fputc(*json++, to);
    } else if (*json == '"') {
      quoted = !quoted;
    } else if (!quoted && (*json == ' ' || *json == '\n')) {
      continue;
    } else if (*json == '<') {
      fputs("\\u003c", to);
      continue;
    }
    fputc(*json, to);
  }
}

int page_write(const char *path) {
  json_end();
  char *json = json_aside_end(), *page = NULL;
  size_t size;
  FILE *to = open_memstream(&page, &size);
  if (!to) get_memory(SIZE_MAX, 1); /* which says so, and ends */
  fwrite(page_head, 1, sizeof page_head, to);
  put_data(to, json);
  fwrite(page_tail, 1, sizeof page_tail, to);
  free(json);
  int code = fclose(to) == 0 ? write_file(path, page, size) : fail(EXIT_OF(OUT_OF_MEMORY), "no memory for the page");
  free(page);
  return code;
}
