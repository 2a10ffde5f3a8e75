// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/model/model.h"

#include <algorithm>
#include <exception>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/status/status.h"
#include "services/inference-worker/model/backend.h"
#include "services/inference-worker/model/fingerprint.h"

namespace chasqui::worker {
namespace {

// Between libllama's callback and ours.
struct ProgressState {
  const Model::Progress& progress;
  bool cancelled = false;
};

bool OnProgress(float fraction, void* state_pointer) {
  auto& state = *static_cast<ProgressState*>(state_pointer);
  if (state.progress && !state.progress(fraction)) state.cancelled = true;
  return !state.cancelled;
}

llama_model_params Params(const LoadOptions& options, ProgressState& state) {
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = options.gpu_layers;
  params.load_mode = ChooseLoadMode(options);
  params.split_mode = options.split_mode;
  params.main_gpu = options.main_gpu;
  params.progress_callback = &OnProgress;
  params.progress_callback_user_data = &state;
  return params;
}

absl::StatusOr<llama_model_ptr> LoadFile(const std::string& path, const LoadOptions& options,
                                         const Model::Progress& progress) {
  ProgressState state{progress};
  llama_model_params params = Params(options, state);
  std::vector<ggml_backend_dev_t> devices;
  if (!options.devices.empty()) {
    ABSL_ASSIGN_OR_RETURN(devices, FindDevices(options.devices));
    params.devices = devices.data();
  }
  std::vector<float> tensor_split;
  if (!options.tensor_split.empty()) {
    ABSL_ASSIGN_OR_RETURN(tensor_split, PadTensorSplit(options.tensor_split, llama_max_devices()));
    params.tensor_split = tensor_split.data();
  }
  std::string reason;
  try {
    const LogCapture capture;
    llama_model_ptr model(llama_model_load_from_file(path.c_str(), params));
    if (model) return model;
    reason = capture.Reason();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  if (state.cancelled) return absl::CancelledError("loading was cancelled");
  return status::InvalidArgument("path", absl::StrCat(path, " cannot be loaded: ", reason));
}

std::string ChatTemplateOf(const llama_model* model) {
  const char* source = llama_model_chat_template(model, nullptr);
  return source == nullptr ? "" : source;
}

ModelFacts FactsOf(const llama_model* model, const GgufFacts& gguf) {
  ModelFacts facts;
  facts.path = gguf.paths.front();
  facts.architecture = gguf.architecture;
  facts.quantization = llama_ftype_name(llama_model_ftype(model));
  facts.parameter_count = llama_model_n_params(model);
  facts.size_bytes = llama_model_size(model);
  facts.train_context_tokens = static_cast<std::uint32_t>(llama_model_n_ctx_train(model));
  facts.vocabulary_size =
      static_cast<std::uint32_t>(llama_vocab_n_tokens(llama_model_get_vocab(model)));
  facts.embedding_length = static_cast<std::uint32_t>(llama_model_n_embd(model));
  facts.layer_count = static_cast<std::uint32_t>(llama_model_n_layer(model));
  facts.ranks = Ranks(gguf);
  facts.generates = gguf.causal && !facts.ranks;
  return facts;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Model>> Model::Load(const GgufFacts& gguf,
                                                         const LoadOptions& options,
                                                         const Progress& progress) {
  // Before the weights are read, which may take minutes.
  for (const AdapterFile& file : options.adapters) {
    ABSL_RETURN_IF_ERROR(InspectAdapter(file, gguf).status());
  }
  auto model = std::shared_ptr<Model>(new Model);
  ABSL_ASSIGN_OR_RETURN(model->model_, LoadFile(gguf.paths.front(), options, progress));
  if (llama_model_has_encoder(model->get()) || llama_model_is_diffusion(model->get())) {
    return status::Error(absl::StatusCode::kUnimplemented, "MODEL_KIND",
                         absl::StrCat("models of architecture ", gguf.architecture,
                                      " (encoder-decoder or diffusion) cannot be served"));
  }
  model->facts_ = FactsOf(model->get(), gguf);
  ABSL_ASSIGN_OR_RETURN(const std::string fingerprint, Fingerprint(gguf));
  ABSL_ASSIGN_OR_RETURN(model->facts_.fingerprint,
                        FingerprintWith(fingerprint, options.adapters, gguf));
  ABSL_ASSIGN_OR_RETURN(model->adapters_, LoadAdapters(options.adapters, gguf, model->get()));
  model->vocabulary_.emplace(llama_model_get_vocab(model->get()));
  if (model->vocabulary_->size() == 0)
    return status::InvalidArgument("path", "the model has no vocabulary");
  model->chat_template_.emplace(ChatTemplateOf(model->get()));
  return model;
}

const Adapter* Model::FindAdapter(std::string_view name) const {
  const auto found = std::ranges::find(adapters_, name, &Adapter::name);
  return found == adapters_.end() ? nullptr : &*found;
}

}  // namespace chasqui::worker
