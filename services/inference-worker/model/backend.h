// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ggml-backend.h>
#include <llama.h>

namespace chasqui::worker {

// A device the engine can compute on.
struct DeviceInfo {
  std::string name;         // "CUDA0"
  std::string description;  // "NVIDIA H100"
  enum ggml_backend_dev_type type = GGML_BACKEND_DEVICE_TYPE_CPU;
  std::string device_id;  // its place on the PCI bus, where the back end knows it; else ""
};

// Of `devices`, those of the type; a card that several back ends find, once. Pure.
std::vector<DeviceInfo> DistinctDevices(std::span<const DeviceInfo> devices,
                                        enum ggml_backend_dev_type type);

// Memory of a device, in bytes.
struct DeviceMemory {
  std::size_t total_bytes = 0;
  std::size_t free_bytes = 0;

  bool operator==(const DeviceMemory&) const = default;
};

// libllama in this process: loads its back ends, owns what it logs. Made once, by the composition
// root, before any model; outlives them all. Thread-safe.
class Backend {
 public:
  // Takes whole lines. Called by any thread that works with libllama.
  using LogSink = std::function<void(ggml_log_level level, std::string_view line)>;

  // Without a sink nothing is logged. `numa` holds for the whole process from then on.
  explicit Backend(LogSink sink = nullptr, ggml_numa_strategy numa = GGML_NUMA_STRATEGY_DISABLED);
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // The devices that the back ends found, in their order, which stays; none before a Backend is
  // made.
  static std::vector<DeviceInfo> Devices();

  // The memory of the device of this name as its back end tells it now; zeros when there is none.
  // Opens the device, which takes memory there and may take a second the first time.
  static DeviceMemory MemoryOf(const std::string& name);

 private:
  static void OnLog(ggml_log_level level, const char* text, void* self);
  void Log(ggml_log_level level, std::string_view text);

  const LogSink sink_;
  std::mutex mutex_;
  std::string line_;  // what was logged without an end of line
  ggml_log_level line_level_ = GGML_LOG_LEVEL_NONE;
};

// Text that comes from a file or from libllama, as a message can hold it: whatever is not printable
// ASCII becomes "?". Pure.
std::string Printable(std::string text);

// Keeps the warnings and errors that libllama logs on this thread while it lives: the only way
// libllama tells why something failed. Not nested.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  // The last lines, joined; "" when there are none.
  std::string Reason() const;

 private:
  friend class Backend;
  void Add(std::string_view text);

  std::string text_;
};

}  // namespace chasqui::worker
