// SPDX-License-Identifier: Apache-2.0
#include "tools/synth/adapter.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <ggml-cpp.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/synth/log_capture.h"
#include "tools/synth/random.h"

namespace chasqui::synth {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kAdapted = {".attn_q.weight", ".attn_v.weight",
                                                      ".ffn_down.weight"};

bool IsAdapted(std::string_view tensor) {
  return absl::StartsWith(tensor, "blk.") &&
         std::ranges::any_of(kAdapted, [&](auto end) { return absl::EndsWith(tensor, end); });
}

std::string ArchitectureOf(const gguf_context* gguf) {
  const int64_t id = gguf_find_key(gguf, "general.architecture");
  if (id < 0 || gguf_get_kv_type(gguf, id) != GGUF_TYPE_STRING) return "";
  return gguf_get_val_str(gguf, id);
}

// A head, and the tensors it describes.
struct Gguf {
  gguf_context_ptr head;
  ggml_context_ptr tensors;
};

absl::StatusOr<Gguf> OpenModel(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error))
    return absl::NotFoundError(absl::StrCat("there is no model file ", path.string()));
  const LogCapture log;
  ggml_context* tensors = nullptr;
  Gguf model;
  model.head.reset(gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = &tensors}));
  model.tensors.reset(tensors);
  if (model.head != nullptr && !ArchitectureOf(model.head.get()).empty()) return model;
  return absl::InvalidArgumentError(
      absl::StrCat(path.string(), " is no model: ", log.Errors("it names no architecture")));
}

void Add(Gguf& adapter, const std::string& name, int64_t columns, int64_t rows, float deviation,
         uint64_t seed) {
  ggml_tensor* tensor = ggml_new_tensor_2d(adapter.tensors.get(), GGML_TYPE_F32, columns, rows);
  ggml_set_name(tensor, name.c_str());
  Random random(SeedOf(seed, name));
  random.FillNormal({ggml_get_data_f32(tensor), static_cast<size_t>(ggml_nelements(tensor))},
                    deviation);
  gguf_add_tensor(adapter.head.get(), tensor);
}

Gguf MakeAdapter(const Gguf& model, const std::vector<const ggml_tensor*>& adapted,
                 const AdapterOptions& options) {
  size_t bytes = 0;
  for (const ggml_tensor* tensor : adapted) {
    const auto numbers = static_cast<size_t>(tensor->ne[0] + tensor->ne[1]) * options.rank;
    bytes += 2 * (ggml_tensor_overhead() + GGUF_DEFAULT_ALIGNMENT) + numbers * sizeof(float);
  }
  Gguf adapter{.head = gguf_context_ptr(gguf_init_empty()),
               .tensors = ggml_context_ptr(
                   ggml_init({.mem_size = bytes, .mem_buffer = nullptr, .no_alloc = false}))};
  gguf_context* head = adapter.head.get();
  gguf_set_val_str(head, "general.architecture", ArchitectureOf(model.head.get()).c_str());
  gguf_set_val_str(head, "general.type", "adapter");
  gguf_set_val_str(head, "general.name", "synth-adapter");
  gguf_set_val_str(head, "general.description", "Random weights, for tests and benchmarks");
  gguf_set_val_str(head, "adapter.type", "lora");
  gguf_set_val_f32(head, "adapter.lora.alpha", static_cast<float>(options.rank));
  const float down = options.strength / std::sqrt(static_cast<float>(options.rank));
  for (const ggml_tensor* tensor : adapted) {
    const std::string name = ggml_get_name(tensor);
    const float up = 1 / std::sqrt(static_cast<float>(tensor->ne[0]));
    Add(adapter, name + ".lora_a", tensor->ne[0], options.rank, up, options.seed);
    Add(adapter, name + ".lora_b", options.rank, tensor->ne[1], down, options.seed);
  }
  return adapter;
}

}  // namespace

absl::Status WriteAdapter(const AdapterOptions& options) {
  if (options.rank < 1 || options.rank > 256) {
    return absl::InvalidArgumentError(absl::StrCat("the rank must be 1 to 256, is ", options.rank));
  }
  if (!(options.strength > 0)) return absl::InvalidArgumentError("the strength must be above 0");
  if (options.output.empty()) return absl::InvalidArgumentError("output is empty");
  absl::StatusOr<Gguf> model = OpenModel(options.model);
  if (!model.ok()) return model.status();
  std::vector<const ggml_tensor*> adapted;
  for (ggml_tensor* tensor = ggml_get_first_tensor(model->tensors.get()); tensor != nullptr;
       tensor = ggml_get_next_tensor(model->tensors.get(), tensor)) {
    if (IsAdapted(ggml_get_name(tensor))) adapted.push_back(tensor);
  }
  if (adapted.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.model.string(), " has no layers that an adapter could be over"));
  }
  const Gguf adapter = MakeAdapter(*model, adapted, options);
  const fs::path partial = absl::StrCat(options.output.string(), ".partial-", getpid());
  const absl::Cleanup remove_leftover = [&partial] {
    std::error_code ignored;
    fs::remove(partial, ignored);
  };
  std::error_code error;
  errno = 0;
  if (!gguf_write_to_file(adapter.head.get(), partial.c_str(), /*only_meta=*/false)) {
    error.assign(errno == 0 ? EIO : errno, std::generic_category());
  } else {
    fs::rename(partial, options.output, error);
  }
  if (!error) return absl::OkStatus();
  return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot write ", options.output.string()));
}

}  // namespace chasqui::synth
