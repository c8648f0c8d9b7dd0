/* Rules on providers, and on the drivers and devices behind them. */
#ifndef RUNG_DOCTOR_PROVIDER_H
#define RUNG_DOCTOR_PROVIDER_H

#include "doctor/doctor.h"

/* Drivers and devices of a vendor whose hardware, or driver, is there; once per examination, on the subject "machine".
 */
void rung__provider_nvidia_rules(doctor *d);
void rung__provider_amd_rules(doctor *d);

/* rung's name for `name`, which may be ONNX Runtime's; NULL: nobody knows it. */
const char *rung__provider_name(const char *name);

#endif
