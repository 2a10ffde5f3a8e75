// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/generate_service.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status_macros.h"
#include "absl/strings/str_cat.h"
#include "common/inference/validate.h"
#include "services/inference-worker/chat/chunk_shaper.h"
#include "services/inference-worker/generate/request_mapping.h"
#include "services/inference-worker/text/text_assembler.h"

namespace chasqui::worker {
namespace {

namespace v1 = inference::v1;
using concurrency::Task;

constexpr char kGenerate[] = "/chasqui.inference.v1.InferenceService/Generate";
constexpr char kStreamGenerate[] = "/chasqui.inference.v1.InferenceService/StreamGenerate";
constexpr char kRouterId[] = "x-chasqui-router-id";
constexpr char kClientLeft[] = "the client left";

// Longer prompts are tokenised off the loop: this much takes about a millisecond.
constexpr std::size_t kPromptBytesOnLoop = 8 << 10;

std::uint64_t RandomNumber() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

std::string RequestId(const v1::GenerateRequest& request) {
  if (!request.request_id().empty()) return request.request_id();
  return absl::StrCat("w-", absl::Hex(RandomNumber(), absl::kZeroPad16));
}

// Brings `shaper` to where it was after the tokens that the client has.
void Replay(const v1::ResumedCandidate& candidate, const v1::StopOptions& stop,
            const Vocabulary& vocabulary, const TokenIds& visible, ChunkShaper& shaper) {
  TextAssembler text({stop.strings().begin(), stop.strings().end()}, stop.include_stop());
  for (const std::uint32_t id : candidate.token_ids()) {
    if (!vocabulary.Contains(id) || text.stop_string()) return;  // the engine refuses, or has ended
    const auto token = static_cast<TokenId>(id);
    const bool shown = std::ranges::contains(visible, token);
    text.Append(token, vocabulary.EndsGeneration(token) ? "" : vocabulary.Piece(token, shown));
    if (const auto piece = text.Take())
      shaper.Replay(piece->text, static_cast<std::uint32_t>(piece->token_ids.size()));
  }
}

void Append(const v1::Chunk& chunk, v1::Completion& completion) {
  completion.mutable_text()->append(chunk.text());
  completion.mutable_reasoning_text()->append(chunk.reasoning_text());
  completion.mutable_token_ids()->MergeFrom(chunk.token_ids());
  completion.mutable_logprobs()->MergeFrom(chunk.logprobs());
  completion.mutable_tool_calls()->MergeFrom(chunk.tool_calls());
}

std::string Owner(const rpc::ServerCall& call) {
  return std::string(call.Metadata(kRouterId).value_or(""));
}

}  // namespace

struct GenerateService::Answer {
  Answer(EventHub& hub, rpc::Loop& loop) : waiter(hub, loop) {}

  // The next event; nothing when the client is gone.
  Task<std::optional<GenerationEvent>> Next(rpc::ServerCall& call) {
    while (!call.cancelled()) {
      if (auto event = generation->Take()) co_return event;
      co_await waiter.Event();
    }
    co_return std::nullopt;
  }

  rpc::CancelHook CancelWith(rpc::ServerCall& call) {
    return call.OnCancel([this] {
      generation->Cancel();
      waiter.Wake();
    });
  }

  // The chunks have reasoning or tool calls to be told apart; those of a broken stream, whose
  // tokens `request` resumes, come first.
  void ShapeChunks(const AnswerSyntax& syntax, const TokenIds& visible,
                   const v1::GenerateRequest& request) {
    const Vocabulary& vocabulary = hosted->model()->vocabulary();
    for (std::uint32_t i = 0; i < std::max(1U, request.n()); ++i) {
      shapers.emplace_back(syntax, absl::StrCat("call_", identity.request_id, "_", i, "_"));
    }
    for (const auto& candidate : request.resume().candidates())
      Replay(candidate, request.stop(), vocabulary, visible, shapers[candidate.index()]);
  }

  // False: nothing is to be sent for this chunk yet.
  bool Shape(v1::Chunk& chunk) { return shapers.empty() || shapers[chunk.index()].Shape(chunk); }

  // What is left of each candidate at the end.
  std::vector<v1::Chunk> LastChunks() {
    std::vector<v1::Chunk> chunks;
    for (std::uint32_t i = 0; i < shapers.size(); ++i) {
      v1::Chunk chunk;
      chunk.set_index(i);
      if (shapers[i].Finish(chunk)) chunks.push_back(std::move(chunk));
    }
    return chunks;
  }

  // After LastChunks.
  void Complete(v1::Finished& finished) const {
    v1::Usage& usage = *finished.mutable_usage();
    usage.set_truncated_messages(truncated_messages);
    usage.set_truncated_prompt_tokens(truncated_prompt_tokens);
    for (std::uint32_t i = 0; i < shapers.size(); ++i) {
      usage.set_reasoning_tokens(usage.reasoning_tokens() + shapers[i].reasoning_tokens());
      v1::CandidateEnd& end = *finished.mutable_candidates(static_cast<int>(i));
      if (end.finish_reason() == v1::FINISH_REASON_STOP && shapers[i].ends_in_calls())
        end.set_finish_reason(v1::FINISH_REASON_TOOL_CALLS);
    }
  }

  std::shared_ptr<HostedModel> hosted;
  AnswerIdentity identity;
  std::string echo;
  std::uint32_t truncated_messages = 0;
  std::uint32_t truncated_prompt_tokens = 0;
  std::vector<ChunkShaper> shapers;  // one a candidate; none: chunks go out as they are
  time::SteadyTime arrival;
  EventHub::Waiter waiter;
  std::shared_ptr<Generation> generation;
};

void GenerateService::Register(rpc::Server& server) {
  rpc::RegisterUnary<v1::GenerateRequest, v1::GenerateResponse>(
      server, kGenerate, [this](rpc::ServerCall& call, v1::GenerateRequest request) {
        return Generate(call, std::move(request));
      });
  rpc::RegisterServerStream<v1::GenerateRequest, v1::StreamGenerateResponse>(
      server, kStreamGenerate,
      [this](rpc::ServerCall& call, v1::GenerateRequest request,
             rpc::ServerWriter<v1::StreamGenerateResponse>& writer) {
        return StreamGenerate(call, std::move(request), writer);
      });
}

Task<absl::Status> GenerateService::StreamGenerate(
    rpc::ServerCall& call, v1::GenerateRequest request,
    rpc::ServerWriter<v1::StreamGenerateResponse>& writer) {
  absl::StatusOr<std::unique_ptr<Answer>> answer = co_await Begin(call, request);
  absl::Status status = answer.status();
  if (status.ok()) status = co_await Stream(call, request, **answer, writer);
  if (!status.ok()) state_.metrics.Failed(LabelOf(request.model()), status.code());
  co_return status;
}

Task<absl::StatusOr<v1::GenerateResponse>> GenerateService::Generate(rpc::ServerCall& call,
                                                                     v1::GenerateRequest request) {
  absl::StatusOr<std::unique_ptr<Answer>> answer = co_await Begin(call, request);
  if (!answer.ok()) {
    state_.metrics.Failed(LabelOf(request.model()), answer.status().code());
    co_return answer.status();
  }
  absl::StatusOr<v1::GenerateResponse> response = co_await Collect(call, request, **answer);
  if (!response.ok()) state_.metrics.Failed(LabelOf(request.model()), response.status().code());
  co_return response;
}

// Names of models that there are not must not fill the metrics.
std::string GenerateService::LabelOf(const std::string& model) const {
  const auto hosted = state_.host.Find(model);
  return hosted.ok() ? (*hosted)->name() : "unknown";
}

// Everything up to the slot: nothing here is sent to the client, so that an error goes out alone.
Task<absl::StatusOr<std::unique_ptr<GenerateService::Answer>>> GenerateService::Begin(
    rpc::ServerCall& call, const v1::GenerateRequest& request) {
  auto answer = std::make_unique<Answer>(state_.hub, call.loop());
  answer->arrival = time::SteadyNow();
  if (absl::Status takes = state_.CheckTakesRequests(); !takes.ok()) co_return takes;
  if (absl::Status valid = inference::Validate(request); !valid.ok()) co_return valid;
  if (absl::Status ours = inference::CheckForWorker(request); !ours.ok()) co_return ours;
  auto hosted = co_await state_.lifecycle.Acquire(call, request.model());
  if (!hosted.ok()) co_return hosted.status();
  answer->hosted = *std::move(hosted);
  if (answer->hosted->engine() == nullptr) {
    co_return absl::FailedPreconditionError(absl::StrCat("model ", answer->hosted->name(),
                                                         answer->hosted->model()->facts().ranks
                                                             ? " ranks documents only"
                                                             : " computes embeddings only"));
  }
  // Before the prompt is tokenised: a full worker refuses at once.
  if (absl::Status room = answer->hosted->engine()->CheckRoom(); !room.ok()) co_return room;

  const std::uint64_t seed = RandomNumber();
  const std::uint32_t context_tokens = answer->hosted->engine()->context_tokens();
  absl::StatusOr<MappedRequest> mapped;
  if (PromptBytes(request) <= kPromptBytesOnLoop) {
    mapped = MapRequest(request, *answer->hosted->model(), context_tokens, seed);
  } else {
    mapped = co_await state_.offload.Run(
        call.loop(), [request, model = answer->hosted->model(), context_tokens, seed] {
          return MapRequest(request, *model, context_tokens, seed);
        });
  }
  if (!mapped.ok()) co_return mapped.status();
  if (call.cancelled()) co_return absl::CancelledError(kClientLeft);

  answer->echo = std::move(mapped->echo);
  answer->truncated_messages = mapped->truncated_messages;
  answer->truncated_prompt_tokens = mapped->truncated_prompt_tokens;
  answer->identity = {.request_id = RequestId(request),
                      .model = answer->hosted->name(),
                      .model_fingerprint = answer->hosted->model()->facts().fingerprint,
                      .worker_id = state_.worker_id,
                      .seed = mapped->generation.sampling.seed};
  const TokenIds visible = mapped->generation.visible_markers;
  mapped->generation.arrival = answer->arrival;
  mapped->generation.deadline = call.deadline();
  mapped->generation.owner = Owner(call);
  auto generation =
      answer->hosted->engine()->Submit(std::move(mapped->generation), answer->waiter.tag());
  if (!generation.ok()) co_return generation.status();
  answer->generation = *std::move(generation);
  // Now that the tokens to resume are known to fit the context.
  if (mapped->syntax) answer->ShapeChunks(*mapped->syntax, visible, request);
  co_return answer;
}

Task<absl::Status> GenerateService::Stream(rpc::ServerCall& call,
                                           const v1::GenerateRequest& request, Answer& answer,
                                           rpc::ServerWriter<v1::StreamGenerateResponse>& writer) {
  const rpc::CancelHook hook = answer.CancelWith(call);
  auto& inter_token = state_.metrics.Of(answer.hosted->name()).inter_token;
  std::uint64_t sequence = request.resume().next_sequence();
  bool skip = false;  // the chunk's text is held back
  std::vector<std::optional<time::SteadyTime>> last_pieces(std::max(1U, request.n()));

  std::optional<GenerationEvent> event = co_await answer.Next(call);
  while (event.has_value()) {
    v1::StreamGenerateResponse response;
    if (auto* error = std::get_if<absl::Status>(&*event)) co_return std::move(*error);
    if (const auto* finished = std::get_if<GenerationFinished>(&*event)) {
      state_.metrics.Finished(answer.hosted->name(), *finished, time::SteadyNow() - answer.arrival);
      std::vector<v1::Chunk> last_chunks = answer.LastChunks();
      for (v1::Chunk& chunk : last_chunks) {
        v1::StreamGenerateResponse last;
        last.set_sequence(sequence++);
        *last.mutable_chunk() = std::move(chunk);
        if (!co_await writer.Write(last, true)) co_return absl::CancelledError(kClientLeft);
      }
      *response.mutable_finished() = MapFinished(*finished, request.include_timings());
      answer.Complete(*response.mutable_finished());
      response.set_sequence(sequence);
      writer.WriteLast(response);
      co_return absl::OkStatus();
    }
    if (const auto* started = std::get_if<GenerationStarted>(&*event)) {
      *response.mutable_started() = MapStarted(*started, answer.identity);
      const std::uint32_t echoes =
          answer.echo.empty() || request.has_resume() ? 0 : std::max(1U, request.n());
      for (std::uint32_t i = 0; i < echoes; ++i) {
        response.set_sequence(sequence++);
        if (!co_await writer.Write(response, true)) co_return absl::CancelledError(kClientLeft);
        response.Clear();
        response.mutable_chunk()->set_index(i);
        response.mutable_chunk()->set_text(answer.echo);
      }
    }
    if (const auto* piece = std::get_if<TextPiece>(&*event)) {
      *response.mutable_chunk() = MapChunk(*piece, answer.hosted->model()->vocabulary());
      skip = !answer.Shape(*response.mutable_chunk());
      auto& last_piece = last_pieces[piece->candidate];
      const auto now = time::SteadyNow();
      if (last_piece.has_value())
        inter_token.Observe(std::chrono::duration<double>(now - *last_piece).count());
      last_piece = now;
    }
    event = answer.generation->Take();
    if (!std::exchange(skip, false)) {
      response.set_sequence(sequence++);
      if (!co_await writer.Write(response, event.has_value())) break;
    }
    if (!event.has_value()) event = co_await answer.Next(call);
  }
  co_return absl::CancelledError(kClientLeft);
}

Task<absl::StatusOr<v1::GenerateResponse>> GenerateService::Collect(
    rpc::ServerCall& call, const v1::GenerateRequest& request, Answer& answer) {
  const rpc::CancelHook hook = answer.CancelWith(call);
  v1::GenerateResponse response;
  for (std::uint32_t i = 0; i < std::max(1U, request.n()); ++i) {
    v1::Completion& completion = *response.add_completions();
    completion.set_index(i);
    completion.set_text(answer.echo);
  }
  const Vocabulary& vocabulary = answer.hosted->model()->vocabulary();
  while (auto event = co_await answer.Next(call)) {
    if (auto* error = std::get_if<absl::Status>(&*event)) co_return std::move(*error);
    if (const auto* started = std::get_if<GenerationStarted>(&*event))
      *response.mutable_started() = MapStarted(*started, answer.identity);
    if (const auto* piece = std::get_if<TextPiece>(&*event)) {
      v1::Chunk chunk = MapChunk(*piece, vocabulary);
      if (answer.Shape(chunk))
        Append(chunk, *response.mutable_completions(static_cast<int>(chunk.index())));
    }
    if (const auto* finished = std::get_if<GenerationFinished>(&*event)) {
      state_.metrics.Finished(answer.hosted->name(), *finished, time::SteadyNow() - answer.arrival);
      for (const v1::Chunk& chunk : answer.LastChunks())
        Append(chunk, *response.mutable_completions(static_cast<int>(chunk.index())));
      v1::Finished mapped = MapFinished(*finished, request.include_timings());
      answer.Complete(mapped);
      for (const v1::CandidateEnd& end : mapped.candidates()) {
        v1::Completion& completion = *response.mutable_completions(static_cast<int>(end.index()));
        completion.set_finish_reason(end.finish_reason());
        completion.set_stop_string(end.stop_string());
      }
      *response.mutable_usage() = mapped.usage();
      if (mapped.has_timings()) *response.mutable_timings() = mapped.timings();
      co_return response;
    }
  }
  co_return absl::CancelledError(kClientLeft);
}

}  // namespace chasqui::worker
