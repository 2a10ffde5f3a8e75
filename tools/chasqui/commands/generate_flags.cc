// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/commands/generate_flags.h"

#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tools/chasqui/client/files.h"
#include "tools/chasqui/output/json.h"

namespace chasqui::cli {
namespace {

using chasqui::inference::v1::GenerateRequest;
using chasqui::inference::v1::LoraAdapter;
using chasqui::inference::v1::OutputFormat;
using chasqui::inference::v1::Priority;
using chasqui::inference::v1::SamplingOptions;

const std::map<std::string, Priority>& Priorities() {
  static const auto& priorities =
      *new std::map<std::string, Priority>{{"low", chasqui::inference::v1::PRIORITY_LOW},
                                           {"normal", chasqui::inference::v1::PRIORITY_NORMAL},
                                           {"high", chasqui::inference::v1::PRIORITY_HIGH}};
  return priorities;
}

void AddSampling(CLI::App& app, GenerateFlags& flags) {
  constexpr const char* kGroup = "Sampling";
  app.add_flag("--greedy", flags.greedy, "The likeliest token always: --temperature 0")
      ->group(kGroup);
  app.add_option("--temperature", flags.temperature)->group(kGroup);
  app.add_option("--top-k", flags.top_k)->group(kGroup);
  app.add_option("--top-p", flags.top_p)->group(kGroup);
  app.add_option("--min-p", flags.min_p)->group(kGroup);
  app.add_option("--typical-p", flags.typical_p)->group(kGroup);
  app.add_option("--repeat-penalty", flags.repeat_penalty)->group(kGroup);
  app.add_option("--frequency-penalty", flags.frequency_penalty)->group(kGroup);
  app.add_option("--presence-penalty", flags.presence_penalty)->group(kGroup);
  app.add_option("--repeat-last-n", flags.repeat_last_n)->group(kGroup);
  app.add_option("--seed", flags.seed)->group(kGroup);
}

void AddStop(CLI::App& app, GenerateFlags& flags) {
  constexpr const char* kGroup = "Stopping";
  app.add_option("--max-tokens", flags.max_tokens, "Most tokens to generate")->group(kGroup);
  app.add_option("--min-tokens", flags.min_tokens, "Not ended by the model before")->group(kGroup);
  // One value a flag: more would swallow the prompt.
  app.add_option("--stop", flags.stop, "A string that ends the answer; may be given again")
      ->allow_extra_args(false)
      ->group(kGroup);
  app.add_flag("--ignore-eos", flags.ignore_eos, "Go on after the model's end")->group(kGroup);
}

void AddFormat(CLI::App& app, GenerateFlags& flags) {
  CLI::Option_group* group = app.add_option_group("Format", "At most one:");
  group->add_option("--grammar-file", flags.grammar_file, "A grammar in GBNF");
  group->add_option("--json-schema-file", flags.json_schema_file, "A JSON schema");
  group->add_option("--regex", flags.regex, "A regular expression the whole answer matches");
  group->add_flag("--json-object", flags.json_object, "Any JSON object");
  group->add_option("--choice", flags.choices, "One of these strings; may be given again")
      ->allow_extra_args(false);
  group->require_option(0, 1);
}

void SetSampling(const GenerateFlags& flags, SamplingOptions& sampling) {
  if (flags.greedy) sampling.set_temperature(0);
  if (flags.temperature) sampling.set_temperature(*flags.temperature);
  if (flags.top_k) sampling.set_top_k(*flags.top_k);
  if (flags.top_p) sampling.set_top_p(*flags.top_p);
  if (flags.min_p) sampling.set_min_p(*flags.min_p);
  if (flags.typical_p) sampling.set_typical_p(*flags.typical_p);
  if (flags.seed) sampling.set_seed(*flags.seed);
  if (flags.repeat_penalty) sampling.mutable_penalties()->set_repeat(*flags.repeat_penalty);
  if (flags.frequency_penalty) {
    sampling.mutable_penalties()->set_frequency(*flags.frequency_penalty);
  }
  if (flags.presence_penalty) sampling.mutable_penalties()->set_presence(*flags.presence_penalty);
  if (flags.repeat_last_n) sampling.mutable_penalties()->set_last_n(*flags.repeat_last_n);
}

absl::Status SetFormat(const GenerateFlags& flags, GenerateRequest& request) {
  for (const std::string* file : {&flags.grammar_file, &flags.json_schema_file}) {
    if (file->empty()) continue;
    absl::StatusOr<std::string> text = ReadFile(*file);
    if (!text.ok()) return text.status();
    OutputFormat& format = *request.mutable_output_format();
    file == &flags.grammar_file ? format.set_grammar(*text) : format.set_json_schema(*text);
  }
  if (!flags.regex.empty()) request.mutable_output_format()->set_regex(flags.regex);
  if (flags.json_object) request.mutable_output_format()->set_json_object(true);
  for (const std::string& choice : flags.choices) {
    request.mutable_output_format()->mutable_choice()->add_choices(choice);
  }
  return absl::OkStatus();
}

void SetStop(const GenerateFlags& flags, GenerateRequest& request) {
  if (flags.max_tokens != 0) request.mutable_stop()->set_max_tokens(flags.max_tokens);
  if (flags.min_tokens != 0) request.mutable_stop()->set_min_tokens(flags.min_tokens);
  if (flags.ignore_eos) request.mutable_stop()->set_ignore_eos(true);
  for (const std::string& stop : flags.stop) request.mutable_stop()->add_strings(stop);
}

absl::Status SetAdapters(const GenerateFlags& flags, GenerateRequest& request) {
  for (const std::string& text : flags.lora) {
    const std::size_t equals = text.find('=');
    LoraAdapter& adapter = *request.add_lora_adapters();
    adapter.set_name(text.substr(0, equals));
    if (equals == std::string::npos) continue;
    float scale = 0;
    if (!absl::SimpleAtof(text.substr(equals + 1), &scale)) {
      return absl::InvalidArgumentError(
          absl::StrCat("--lora ", text, ": what follows the \"=\" is no number"));
    }
    adapter.set_scale(scale);
  }
  return absl::OkStatus();
}

void AddCachePolicy(const std::string& mode, const std::vector<std::string>& tags,
                    GenerateRequest& request) {
  using chasqui::inference::v1::CachePolicy;
  if (mode.empty() && tags.empty()) return;
  CachePolicy& policy = *request.mutable_cache_policy();
  if (mode == "bypass") policy.set_mode(CachePolicy::MODE_BYPASS);
  if (mode == "refresh") policy.set_mode(CachePolicy::MODE_REFRESH);
  if (mode == "require") policy.set_mode(CachePolicy::MODE_REQUIRE);
  for (const std::string& tag : tags) policy.add_tags(tag);
}

}  // namespace

void GenerateFlags::AddTo(CLI::App& app) {
  app.add_option("-m,--model", model, "Which model answers; default: the only one");
  app.add_option("--request-file", request_file, "A GenerateRequest as JSON, for every other field")
      ->type_name("FILE");
  app.add_option("--request-id", request_id, "Identifies the request in logs");
  app.add_option("--priority", priority)->check(CLI::IsMember(Priorities()));
  app.add_option("--lora", lora, "An adapter to apply, with its strength; may be given again")
      ->type_name("NAME[=SCALE]")
      ->allow_extra_args(false);
  app.add_flag("--timings", timings, "Tell what the worker measured");
  app.add_option("--cache", cache, "What may come of remembered answers: bypass, refresh, require")
      ->check(CLI::IsMember({"bypass", "refresh", "require"}));
  app.add_option("--tag", tags, "A name under which the remembered answer can be made invalid")
      ->allow_extra_args(false);
  AddSampling(app, *this);
  AddStop(app, *this);
  AddFormat(app, *this);
}

absl::StatusOr<GenerateRequest> GenerateFlags::Build() const {
  GenerateRequest request;
  if (!request_file.empty()) {
    absl::StatusOr<std::string> json = ReadFile(request_file);
    if (!json.ok()) return json.status();
    if (const absl::Status read = FromJson(*json, request_file, request); !read.ok()) return read;
  }
  if (!model.empty()) request.set_model(model);
  if (!request_id.empty()) request.set_request_id(request_id);
  if (!priority.empty()) request.set_priority(Priorities().at(priority));
  if (timings) request.set_include_timings(true);
  AddCachePolicy(cache, tags, request);
  SamplingOptions sampling = request.sampling();
  SetSampling(*this, sampling);
  if (sampling.ByteSizeLong() != 0) *request.mutable_sampling() = sampling;
  SetStop(*this, request);
  if (const absl::Status adapters = SetAdapters(*this, request); !adapters.ok()) return adapters;
  if (const absl::Status format = SetFormat(*this, request); !format.ok()) return format;
  return request;
}

}  // namespace chasqui::cli
