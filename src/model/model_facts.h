/* A model in numbers, bodies and functions included. */
#ifndef RUNG_MODEL_FACTS_H
#define RUNG_MODEL_FACTS_H

#include "model/model.h"
#include "rung.h"

rung_model_facts rung_model_count_facts(const rung_model *model);

#endif
