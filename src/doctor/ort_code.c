/* What CUDA code a library holds: section .nv_fatbin is a row of containers, each a header and entries; an entry's
 * header says whether it is kernels (SASS) or PTX, for which processor, and how long it is. Only headers are read. */
#include "base/elf.h"
#include "doctor/files.h"
#include "doctor/ort.h"

enum {
  CONTAINER_HEAD = 16,
  ENTRY_HEAD = 32, /* what is read of it; it says its own length */
  KIND_PTX = 1,
  KIND_KERNELS = 2,
  MOST_ENTRIES = 1 << 20,
};
static const uint32_t container_magic = 0xba55ed50;

static uint32_t read_u32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static uint64_t read_u64(const uint8_t *at) {
  uint64_t value;
  memcpy(&value, at, sizeof value);
  return value;
}

static void add_once(int *list, size_t *count, int value) {
  for (size_t i = 0; i < *count; i++)
    if (list[i] == value) return;
  if (*count < 32 && value > 0 && value < 1000) list[(*count)++] = value;
}

/* The entries of one container, which is `size` bytes behind its header. */
static void read_container(const uint8_t *bytes, uint64_t size, code_list *out) {
  for (uint64_t at = 0; at + ENTRY_HEAD <= size;) {
    const uint8_t *entry = bytes + at;
    unsigned kind = entry[0] | entry[1] << 8;
    uint64_t head = read_u32(entry + 4), payload = read_u64(entry + 8);
    int capability = (int)read_u32(entry + 28);
    if (kind == KIND_PTX) add_once(out->ptx, &out->ptx_count, capability);
    if (kind == KIND_KERNELS) add_once(out->kernels, &out->kernel_count, capability);
    if (head < ENTRY_HEAD || head > size || payload > size - head || at > size - head - payload) return;
    at += head + payload;
  }
}

void rung__ort_read_fatbin(const uint8_t *bytes, uint64_t size, code_list *out) {
  uint64_t at = 0;
  for (int n = 0; n < MOST_ENTRIES && size - at >= CONTAINER_HEAD; n++) {
    if (read_u32(bytes + at) != container_magic) { /* between containers lies padding */
      at += 8;
      if (at > size) return;
      continue;
    }
    uint64_t head = bytes[at + 6] | (uint64_t)bytes[at + 7] << 8, body = read_u64(bytes + at + 8);
    if (head < CONTAINER_HEAD || head > size - at || body > size - at - head) return;
    read_container(bytes + at + head, body, out);
    at += head + body;
  }
}

bool rung__ort_read_code(doctor *d, const char *path, code_list *out) {
  rung_elf elf;
  memset(out, 0, sizeof *out);
  rung_status *status = rung_elf_open(d->allocator, rung__doctor_real(d, path), &elf);
  if (status) {
    rung_status_free(status);
    return false;
  }
  uint64_t size = 0;
  const uint8_t *bytes = rung_elf_section(&elf, ".nv_fatbin", &size);
  if (bytes) rung__ort_read_fatbin(bytes, size, out);
  rung_elf_close(&elf);
  return out->kernel_count || out->ptx_count;
}

/* Kernels serve later minor versions of their major one; PTX serves all that is newer. */
int rung__ort_runs_on(const code_list *code, int capability) {
  for (size_t i = 0; i < code->kernel_count; i++)
    if (code->kernels[i] / 10 == capability / 10 && code->kernels[i] <= capability) return 2;
  for (size_t i = 0; i < code->ptx_count; i++)
    if (code->ptx[i] <= capability) return 1;
  return 0;
}
