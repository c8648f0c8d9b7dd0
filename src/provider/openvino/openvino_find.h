/* OpenVINO's files on this machine, found and judged without loading any of them. */
#ifndef RUNG_PROVIDER_OPENVINO_FIND_H
#define RUNG_PROVIDER_OPENVINO_FIND_H

#include "base/file.h"
#include "base/str.h"
#include "provider/openvino/openvino_settings.h"

/* The file of libopenvino_c: from the option `library`, else from the host's search paths, else where the system's
 * loader looks. A folder may be the libraries' own, that of the Python package, or site-packages around it. False when
 * there is none; `looked` then lists the places. */
bool rung__openvino_find(const rung_host *host, const openvino_settings *settings, char out_path[RUNG_PATH_MAX],
                         rung_text *looked);

/* Slot probe of the provider. */
rung_status *rung__openvino_probe(const rung_host *host, const rung_option *given, size_t count,
                                  rung_report *report) RUNG_MUST_CHECK;

#endif
