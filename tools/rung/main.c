#include "rung.h"
int main(void) { return 0; }
