// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/kv/prefix_tree.h"

#include <algorithm>
#include <utility>

#include "absl/log/check.h"

namespace chasqui::worker {
namespace {

using Tokens = std::span<const std::int32_t>;

std::size_t SharedLength(Tokens a, Tokens b) {
  return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

}  // namespace

PrefixTree::PrefixTree() : root_(std::make_unique<Node>()) {}
PrefixTree::~PrefixTree() = default;

void PrefixTree::Insert(Name name, Tokens tokens) {
  CHECK(!Contains(name)) << "a sequence of this name is there";
  InsertBelow(*root_, name, tokens);
}

void PrefixTree::Extend(Name name, Tokens tokens) {
  if (tokens.empty()) return;
  Node& node = *ends_.at(name);
  if (node.parent != nullptr && node.children.empty() && node.names.size() == 1) {
    node.edge.insert(node.edge.end(), tokens.begin(), tokens.end());
    return;
  }
  std::erase(node.names, name);
  InsertBelow(node, name, tokens);
  Tidy(node);
}

void PrefixTree::Remove(Name name) {
  const auto end = ends_.find(name);
  if (end == ends_.end()) return;
  Node& node = *end->second;
  ends_.erase(end);
  std::erase(node.names, name);
  Tidy(node);
}

void PrefixTree::InsertBelow(Node& node, Name name, Tokens tokens) {
  Node* at = &node;
  while (!tokens.empty()) {
    const auto child = at->children.find(tokens.front());
    if (child == at->children.end()) {
      auto leaf = std::make_unique<Node>();
      leaf->parent = at;
      leaf->edge.assign(tokens.begin(), tokens.end());
      Node* const made = leaf.get();
      at->children.emplace(tokens.front(), std::move(leaf));
      at = made;
      break;
    }
    const std::size_t shared = SharedLength(child->second->edge, tokens);
    at = shared < child->second->edge.size() ? &Split(*child->second, shared) : child->second.get();
    tokens = tokens.subspan(shared);
  }
  at->names.push_back(name);
  ends_[name] = at;
}

// Puts a node into the edge to `node`, behind its first `at` tokens, and gives it.
PrefixTree::Node& PrefixTree::Split(Node& node, std::size_t at) {
  std::unique_ptr<Node>& place = node.parent->children.at(node.edge.front());
  auto middle = std::make_unique<Node>();
  const auto cut = node.edge.begin() + static_cast<std::ptrdiff_t>(at);
  middle->parent = node.parent;
  middle->edge.assign(node.edge.begin(), cut);
  node.edge.erase(node.edge.begin(), cut);
  node.parent = middle.get();
  middle->children.emplace(node.edge.front(), std::move(place));
  place = std::move(middle);
  return *place;
}

// Takes away what no sequence needs: a node where none ends and from which less than two go on.
void PrefixTree::Tidy(Node& node) {
  if (node.parent == nullptr || !node.names.empty() || node.children.size() > 1) return;
  Node& parent = *node.parent;
  if (node.children.empty()) {
    parent.children.erase(node.edge.front());
    Tidy(parent);
    return;
  }
  std::unique_ptr<Node> child = std::move(node.children.begin()->second);
  child->edge.insert(child->edge.begin(), node.edge.begin(), node.edge.end());
  child->parent = &parent;
  parent.children.at(child->edge.front()) = std::move(child);  // destroys the node
}

std::vector<PrefixTree::Shared> PrefixTree::Find(Tokens tokens) const {
  std::vector<Shared> found;
  const Node* at = root_.get();
  std::size_t shared = 0;
  for (;;) {
    if (shared > 0) {
      for (const Name name : at->names) found.push_back({name, static_cast<std::uint32_t>(shared)});
    }
    const Tokens left = tokens.subspan(shared);
    const Node* next = nullptr;
    for (const auto& [first, child] : at->children) {
      if (!left.empty() && first == left.front()) {
        next = child.get();
      } else if (shared > 0) {
        Collect(*child, shared, found);
      }
    }
    if (next == nullptr) return found;
    const std::size_t along = SharedLength(next->edge, left);
    shared += along;
    if (along < next->edge.size()) {
      Collect(*next, shared, found);
      return found;
    }
    at = next;
  }
}

void PrefixTree::Collect(const Node& node, std::size_t shared, std::vector<Shared>& found) {
  for (const Name name : node.names) found.push_back({name, static_cast<std::uint32_t>(shared)});
  for (const auto& [first, child] : node.children) Collect(*child, shared, found);
}

}  // namespace chasqui::worker
