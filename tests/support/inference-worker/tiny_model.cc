// SPDX-License-Identifier: Apache-2.0
#include "tests/support/inference-worker/tiny_model.h"

#include "absl/log/check.h"
#include "services/inference-worker/model/backend.h"

namespace chasqui::worker {
namespace {

struct Loaded {
  Backend backend;
  std::shared_ptr<const Model> model;

  Loaded() {
    const auto gguf = InspectGguf(TinyModelPath());
    CHECK_OK(gguf);
    auto loaded = Model::Load(*gguf, {}, nullptr);
    CHECK_OK(loaded);
    model = *std::move(loaded);
  }
};

}  // namespace

std::string TinyModelPath() { return CHASQUI_TINY_MODEL; }

std::shared_ptr<const Model> TinyModel() {
  static const auto& loaded = *new Loaded;  // lives as long as the process
  return loaded.model;
}

}  // namespace chasqui::worker
