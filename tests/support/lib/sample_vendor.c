/* A vendor's library for the tests of dylib: two functions. */
int sample_add(int a, int b);
const char *sample_name(void);

int sample_add(int a, int b) { return a + b; }
const char *sample_name(void) { return "sample"; }
