// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/worker/load/http_stream_client.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "tests/bench/worker/load/sse.h"

namespace chasqui::bench {
namespace {

constexpr int kPollMs = 1000;
constexpr long kHttpOk = 200;

// Greedy by the shortest chain of samplers there is.
std::string Body(const StreamRequest& request, bool cache_prompt) {
  return nlohmann::json{{"prompt", request.prompt}, {"n_predict", request.generated_tokens},
                        {"stream", true},           {"cache_prompt", cache_prompt},
                        {"ignore_eos", true},       {"return_tokens", true},
                        {"samplers", {"top_k"}},    {"top_k", 1},
                        {"temperature", 0}}
      .dump();
}

}  // namespace

// One stream. Owned by the client until it has ended.
class HttpStreamClient::Call {
 public:
  Call(std::string body, StreamObserver& observer)
      : body_(std::move(body)), observer_(observer), easy_(curl_easy_init()) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { curl_easy_cleanup(easy_); }

  CURL* Prepare(const std::string& url, curl_slist* headers) {
    curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body_.c_str());
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE, static_cast<long>(body_.size()));
    curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &Call::OnData);
    curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
    return easy_;
  }

  void End(CURLcode result) {
    long code = 0;
    curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &code);
    absl::Status status;
    if (result != CURLE_OK) {
      status = absl::UnavailableError(curl_easy_strerror(result));
    } else if (code != kHttpOk) {
      status = absl::InternalError(absl::StrCat("HTTP ", code, ": ", events_.rest()));
    }
    observer_.OnEnd(status, time::SteadyNow());
  }

 private:
  static size_t OnData(char* data, size_t size, size_t count, void* self) {
    auto& call = *static_cast<Call*>(self);
    const time::SteadyTime now = time::SteadyNow();
    call.events_.Feed({data, size * count}, [&call, now](std::string_view event) {
      const auto json = nlohmann::json::parse(event, nullptr, /*allow_exceptions=*/false);
      if (!json.is_object()) return;
      // The count so far: a token whose text waits for the rest of a character has no event.
      const uint32_t predicted = json.value("tokens_predicted", call.tokens_);
      if (predicted <= call.tokens_) return;
      call.observer_.OnTokens(predicted - call.tokens_, now);
      call.tokens_ = predicted;
    });
    return size * count;
  }

  const std::string body_;
  StreamObserver& observer_;
  CURL* const easy_;
  SseReader events_;
  uint32_t tokens_ = 0;  // so far
};

HttpStreamClient::HttpStreamClient(const std::string& target, bool cache_prompt)
    : url_(absl::StrCat("http://", target, "/completion")),
      cache_prompt_(cache_prompt),
      multi_(curl_multi_init()),
      headers_(curl_slist_append(nullptr, "Content-Type: application/json")) {}

HttpStreamClient::~HttpStreamClient() {
  calls_.clear();
  curl_multi_cleanup(multi_);
  curl_slist_free_all(headers_);
}

void HttpStreamClient::Start(const StreamRequest& request, StreamObserver& observer) {
  auto call = std::make_unique<Call>(Body(request, cache_prompt_), observer);
  waiting_.push_back(call.get());
  calls_.emplace(call.get(), std::move(call));
}

void HttpStreamClient::BeginWaiting() {
  for (Call* call : waiting_) curl_multi_add_handle(multi_, call->Prepare(url_, headers_));
  waiting_.clear();
}

void HttpStreamClient::EndDone() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* easy = message->easy_handle;
    const CURLcode result = message->data.result;  // gone once the handle is removed
    Call* call = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    curl_multi_remove_handle(multi_, easy);
    call->End(result);
    calls_.erase(call);
  }
}

void HttpStreamClient::Run() {
  while (!calls_.empty()) {
    BeginWaiting();
    int running = 0;
    curl_multi_perform(multi_, &running);
    EndDone();
    if (!calls_.empty() && waiting_.empty()) curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
  }
}

}  // namespace chasqui::bench
