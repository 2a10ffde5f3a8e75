// SPDX-License-Identifier: Apache-2.0
// The functions of NVIDIA's management library that the worker calls, with three devices of known
// values: one that tells everything, and two of the same name that tell little. Useful for tests of
// what is loaded by a path.

#include <array>
#include <cstring>
#include <string_view>

namespace {

constexpr int kSuccess = 0;
constexpr int kNotSupported = 3;
constexpr int kNotFound = 6;
constexpr unsigned long long kGiB = 1ULL << 30;

}  // namespace

struct nvmlDevice_st {
  const char* pci_id;
  const char* name;
  unsigned degrees;
  int busy_percent;                 // below 0: not told
  unsigned long long memory_bytes;  // 0: not told
  unsigned long long free_bytes;
};

namespace {

std::array<nvmlDevice_st, 3> devices = {{
    {"0000:c1:00.0", "NVIDIA Alone", 61, 37, 80 * kGiB, 50 * kGiB},
    {"0000:c2:00.0", "NVIDIA Twin", 40, -1, 0, 0},
    {"0000:c3:00.0", "NVIDIA Twin", 41, 0, 8 * kGiB, 0},
}};

}  // namespace

extern "C" {

struct Utilization {
  unsigned gpu;
  unsigned memory;
};

struct Memory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

int nvmlInit_v2() {
#ifdef WITHOUT_DRIVER
  return 9;
#else
  return kSuccess;
#endif
}

int nvmlShutdown() { return kSuccess; }

const char* nvmlErrorString(int result) {
  return result == 9 ? "Driver Not Loaded" : "Unknown Error";
}

int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = devices.size();
  return kSuccess;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char* id, nvmlDevice_st** handle) {
  for (auto& device : devices) {
    if (std::string_view(id) != device.pci_id) continue;
    *handle = &device;
    return kSuccess;
  }
  return kNotFound;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_st** handle) {
  if (index >= devices.size()) return kNotFound;
  *handle = &devices[index];
  return kSuccess;
}

int nvmlDeviceGetName(nvmlDevice_st* device, char* name, unsigned length) {
  std::strncpy(name, device->name, length);
  return kSuccess;
}

int nvmlDeviceGetTemperature(nvmlDevice_st* device, int sensor, unsigned* degrees) {
  if (sensor != 0) return kNotSupported;
  *degrees = device->degrees;
  return kSuccess;
}

int nvmlDeviceGetUtilizationRates(nvmlDevice_st* device, Utilization* rates) {
  if (device->busy_percent < 0) return kNotSupported;
  *rates = {.gpu = static_cast<unsigned>(device->busy_percent), .memory = 5};
  return kSuccess;
}

int nvmlDeviceGetMemoryInfo(nvmlDevice_st* device, Memory* memory) {
  if (device->memory_bytes == 0) return kNotSupported;
  *memory = {.total = device->memory_bytes,
             .free = device->free_bytes,
             .used = device->memory_bytes - device->free_bytes};
  return kSuccess;
}

}  // extern "C"
