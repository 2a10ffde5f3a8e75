// SPDX-License-Identifier: Apache-2.0
#include "tests/support/inference-worker/synth_model.h"

#include <filesystem>
#include <map>

#include <unistd.h>

#include "absl/log/check.h"
#include "absl/strings/str_cat.h"
#include "tests/support/inference-worker/tiny_model.h"
#include "tools/synth/synth.h"

namespace chasqui::worker {
namespace {

std::filesystem::path Write(synth::ModelKind kind) {
  const auto folder =
      std::filesystem::temp_directory_path() / absl::StrCat("chasqui-synth-", getpid());
  std::filesystem::create_directories(folder);
  const auto path = folder / absl::StrCat(synth::NameOf(kind).name, ".gguf");
  CHECK_OK(synth::WriteModel({.kind = kind,
                              .shape = {.layers = 2,
                                        .embedding = 64,
                                        .heads = 4,
                                        .kv_heads = 4,
                                        .feed_forward = 128,
                                        .vocabulary = 1000,
                                        .context = 256},
                              .type = synth::WeightType::kF32,
                              .output = path,
                              .threads = 1,
                              .progress = {}}));
  return path;
}

// Files of this process; removed at its end.
class Files {
 public:
  ~Files() {
    std::error_code ignored;
    for (const auto& [kind, path] : paths_)
      std::filesystem::remove_all(path.parent_path(), ignored);
  }

  std::string Path(synth::ModelKind kind) {
    auto& path = paths_[kind];
    if (path.empty()) path = Write(kind);
    return path.string();
  }

 private:
  std::map<synth::ModelKind, std::filesystem::path> paths_;
};

}  // namespace

std::string SynthModelPath(synth::ModelKind kind) {
  static Files files;
  return files.Path(kind);
}

std::shared_ptr<const Model> SynthModel(synth::ModelKind kind) {
  TinyModel();  // makes the back ends
  using Models = std::map<synth::ModelKind, std::shared_ptr<const Model>>;
  static const auto models = new Models;  // lives as long as the process
  auto& model = (*models)[kind];
  if (model == nullptr) {
    const auto gguf = InspectGguf(SynthModelPath(kind));
    CHECK_OK(gguf);
    auto loaded = Model::Load(*gguf, {}, nullptr);
    CHECK_OK(loaded);
    model = *std::move(loaded);
  }
  return model;
}

}  // namespace chasqui::worker
