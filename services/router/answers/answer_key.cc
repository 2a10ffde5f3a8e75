// SPDX-License-Identifier: Apache-2.0
#include "services/router/answers/answer_key.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <set>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <openssl/sha.h>

#include "services/router/answers/normalize.h"

namespace chasqui::router {
namespace {

using inference::v1::GenerateRequest;
using inference::v1::SamplingOptions;

// At temperature 0 only these have an effect.
void KeepWhatGreedyHeeds(SamplingOptions& sampling) {
  SamplingOptions greedy;
  greedy.set_temperature(0);
  if (sampling.has_penalties()) *greedy.mutable_penalties() = sampling.penalties();
  if (sampling.has_dry()) *greedy.mutable_dry() = sampling.dry();
  *greedy.mutable_logit_bias() = sampling.logit_bias();
  sampling = greedy;
}

// Maps in the order of their keys.
std::string Bytes(const GenerateRequest& request) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  request.SerializeToCodedStream(&out);
  out.Trim();
  return bytes;
}

// Each part with its length, so that no two lists of parts look alike.
void Add(std::string_view part, std::string& out) {
  const std::uint64_t size = part.size();
  for (int shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(size >> shift));
  out.append(part);
}

}  // namespace

GenerateRequest Canonical(const GenerateRequest& request,
                          const config::v1::PromptNormalizationConfig& normalization) {
  GenerateRequest canonical = request;
  canonical.clear_request_id();
  canonical.clear_model_choice();
  canonical.clear_cache_policy();
  canonical.clear_priority();
  canonical.clear_include_timings();
  canonical.set_n(std::max(canonical.n(), 1U));
  if (canonical.sampling().has_temperature() && canonical.sampling().temperature() == 0) {
    KeepWhatGreedyHeeds(*canonical.mutable_sampling());
  }
  Normalize(normalization, canonical);
  return canonical;
}

std::string AnswerKey(const GenerateRequest& request, std::string_view fingerprint,
                      std::string_view tenant,
                      const config::v1::PromptNormalizationConfig& normalization) {
  constexpr std::string_view kVersion = "chasqui answer 1";
  std::string hashed;
  Add(kVersion, hashed);
  Add(fingerprint, hashed);
  Add(tenant, hashed);
  const auto& tags = request.cache_policy().tags();
  for (const std::string& tag : std::set<std::string>(tags.begin(), tags.end())) Add(tag, hashed);
  Add(Bytes(Canonical(request, normalization)), hashed);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(hashed.data()), hashed.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

}  // namespace chasqui::router
