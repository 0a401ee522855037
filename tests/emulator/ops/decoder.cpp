// SPDX-License-Identifier: MIT
#include "decoder.hpp"

#include <algorithm>
#include <bit>

#include "../isa/address.hpp"
#include "opcodes.hpp"

namespace cuemu {
namespace {

unsigned scratch_class(unsigned bytes) {
  return bytes == 0 ? 0 : bytes <= 2 ? 1 : bytes == 4 ? 2 : 3;
}

const std::map<std::string_view, Special>& special_names() {
  static const auto& names = *new std::map<std::string_view, Special>{
      {"%tid.x", Special::tid_x},
      {"%tid.y", Special::tid_y},
      {"%tid.z", Special::tid_z},
      {"%ntid.x", Special::ntid_x},
      {"%ntid.y", Special::ntid_y},
      {"%ntid.z", Special::ntid_z},
      {"%ctaid.x", Special::ctaid_x},
      {"%ctaid.y", Special::ctaid_y},
      {"%ctaid.z", Special::ctaid_z},
      {"%nctaid.x", Special::nctaid_x},
      {"%nctaid.y", Special::nctaid_y},
      {"%nctaid.z", Special::nctaid_z},
      {"%laneid", Special::laneid},
      {"%warpid", Special::warpid},
      {"%nwarpid", Special::nwarpid},
      {"%smid", Special::smid},
      {"%nsmid", Special::nsmid},
      {"%gridid", Special::gridid_low},
      {"%lanemask_eq", Special::lanemask_eq},
      {"%lanemask_le", Special::lanemask_le},
      {"%lanemask_lt", Special::lanemask_lt},
      {"%lanemask_ge", Special::lanemask_ge},
      {"%lanemask_gt", Special::lanemask_gt},
      {"%dynamic_smem_size", Special::dynamic_smem_size},
      {"%total_smem_size", Special::total_smem_size},
      {"%cluster_ctarank", Special::cluster_ctarank},
      {"%cluster_nctarank", Special::cluster_nctarank},
      {"%cluster_ctaid.x", Special::cluster_ctaid_x},
      {"%cluster_ctaid.y", Special::cluster_ctaid_y},
      {"%cluster_ctaid.z", Special::cluster_ctaid_z},
      {"%cluster_nctaid.x", Special::cluster_nctaid_x},
      {"%cluster_nctaid.y", Special::cluster_nctaid_y},
      {"%cluster_nctaid.z", Special::cluster_nctaid_z},
      {"%clusterid.x", Special::clusterid_x},
      {"%clusterid.y", Special::clusterid_y},
      {"%clusterid.z", Special::clusterid_z},
      {"%nclusterid.x", Special::nclusterid_x},
      {"%nclusterid.y", Special::nclusterid_y},
      {"%nclusterid.z", Special::nclusterid_z},
      {"%is_explicit_cluster", Special::is_explicit_cluster},
      // Where the driver leaves the address of what cooperative_groups uses as the grid's barrier.
      {"%envreg1", Special::grid_workspace_high},
      {"%envreg2", Special::grid_workspace_low}};
  return names;
}

}  // namespace

Decoder::Decoder(const FlatProgram& flat, Program& program)
    : flat_(flat), program_(program), wgmma_registers_(flat), slots_(plan_slots(flat)) {
  program_.register_bytes = slots_.bytes;
  program_.wgmma_registers = wgmma_registers_.count();
}

void Decoder::run() {
  program_.static_shared_bytes = flat_.static_shared_bytes;
  const uint32_t align = flat_.dynamic_shared_align;
  program_.dynamic_shared_offset = (flat_.static_shared_bytes + align - 1) / align * align;
  program_.local_bytes = flat_.local_bytes;
  program_.parameter_bytes = flat_.parameter_bytes;
  program_.code.reserve(flat_.code.size() * 5 / 4);
  std::vector<uint32_t> start(flat_.code.size() + 1);
  for (size_t i = 0; i < flat_.code.size(); ++i) {
    start[i] = static_cast<uint32_t>(program_.code.size());
    decode(flat_.code[i]);
  }
  start.back() = static_cast<uint32_t>(program_.code.size());
  for (const auto& [instr, label] : branches_)
    program_.code[instr].target = start[flat_.labels[label]];
  for (const std::vector<uint32_t>& table : flat_.branch_targets) {
    std::vector<uint32_t>& targets = program_.branch_tables.emplace_back();
    for (uint32_t label : table) targets.push_back(start[flat_.labels[label]]);
  }
}

void Decoder::split_opcode(std::string_view opcode) {
  modifiers_.clear();
  size_t at = opcode.find('.');
  base_ = opcode.substr(0, at);
  while (at != std::string_view::npos) {
    const size_t next = opcode.find('.', at + 1);
    modifiers_.push_back(
        opcode.substr(at + 1, next == std::string_view::npos ? next : next - at - 1));
    at = next;
  }
}

void Decoder::decode(const FlatInstruction& in) {
  in_ = &in;
  split_opcode(in.opcode);
  origin_ = static_cast<uint32_t>(program_.texts.size());
  program_.texts.emplace_back(in.text);
  program_.locations.push_back(in.location);
  first_of_instruction_ = true;
  trailers_.clear();
  changes_ = 0;
  std::fill(std::begin(scratch_used_), std::end(scratch_used_), 0);
  const size_t code_before = program_.code.size();
  const size_t branches_before = branches_.size();
  std::string why = in.error;
  if (why.empty()) {
    try {
      const DecodeFunction function = find_opcode(base_);
      if (function == nullptr) throw NotImplemented{"not implemented"};
      watch_wgmma_registers();
      function(*this);
      for (size_t i = 0; i < trailers_.size(); ++i) {
        Instr& t = emit(trailers_[i].handler);
        t.dst = trailers_[i].dst;
        t.a = trailers_[i].a;
      }
      return;
    } catch (const NotImplemented& e) {
      why = e.why;
    }
  }
  program_.code.resize(code_before);
  program_.origin.resize(code_before);
  branches_.resize(branches_before);
  first_of_instruction_ = true;
  program_.texts.back() += " (" + why + ")";
  emit(&run_unknown_opcode);
}

void Decoder::watch_wgmma_registers() {
  if (is_wgmma(*in_)) return;
  std::vector<uint32_t> numbers = wgmma_registers_.named_by(*in_);
  if (numbers.empty()) return;
  const auto count = static_cast<uint32_t>(numbers.size());
  const uint32_t* const named = list(std::move(numbers));
  Instr& in = emit(&touch_wgmma_registers);
  in.list = named;
  in.extra = count;
  in.weight = 0;
  first_of_instruction_ = true;
}

bool Decoder::has(std::string_view modifier) const {
  return std::find(modifiers_.begin(), modifiers_.end(), modifier) != modifiers_.end();
}

Type Decoder::type(unsigned n) const {
  for (std::string_view m : modifiers_)
    if (Type t = parse_type(m); t != Type::none && n-- == 0) return t;
  return Type::none;
}

const Operand& Decoder::operand(size_t i) const {
  if (i >= in_->operands.size()) throw NotImplemented{"an operand is missing"};
  return in_->operands[i];
}

uint32_t Decoder::new_slot(unsigned bytes) {
  const uint32_t slot = program_.register_bytes;
  program_.register_bytes += bytes == 0 ? 64 : std::max(64u, bytes * 32);
  return slot;
}

uint32_t Decoder::constant(uint64_t bits, unsigned bytes) {
  if (bytes == 2) bits &= 0xFFFF;
  if (bytes == 4) bits &= 0xFFFFFFFF;
  auto [it, fresh] = constants_.try_emplace({bits, bytes}, 0);
  if (fresh) {
    it->second = new_slot(bytes);
    program_.constants.push_back({bits, it->second, static_cast<uint8_t>(bytes)});
  }
  return it->second;
}

uint32_t Decoder::special(Special what, unsigned bytes) {
  auto [it, fresh] = specials_.try_emplace({what, bytes}, 0);
  if (fresh) {
    it->second = new_slot(bytes);
    program_.specials.push_back({what, it->second, static_cast<uint8_t>(bytes)});
  }
  return it->second;
}

uint32_t Decoder::scratch(unsigned bytes) {
  const unsigned c = scratch_class(bytes);
  if (scratch_used_[c] == scratch_[c].size()) scratch_[c].push_back(new_slot(bytes));
  return scratch_[c][scratch_used_[c]++];
}

uint32_t Decoder::carry_slot() {
  if (carry_slot_ == kNoSlot) carry_slot_ = new_slot(0);
  return carry_slot_;
}

const uint32_t* Decoder::list(std::vector<uint32_t> slots) {
  program_.lists.push_back(std::move(slots));
  return program_.lists.back().data();
}

uint64_t Decoder::symbol_address(const Operand& o) const {
  switch (o.space) {
    case Space::dynamic_shared:
      return program_.dynamic_shared_offset + o.bits;
    case Space::param:
      return kParamWindow + o.bits;
    default:
      return o.bits;
  }
}

uint64_t Decoder::immediate(size_t i) const {
  if (operand(i).kind != Operand::Kind::immediate) throw NotImplemented{"a constant is expected"};
  return operand(i).bits;
}

uint32_t Decoder::source(const Operand& o, Type type) {
  const unsigned wanted = slot_bytes(bytes_of(type));
  switch (o.kind) {
    case Operand::Kind::reg: {
      const unsigned held = slot_bytes(register_bytes(o.reg));
      if (is_predicate(o)) throw NotImplemented{"predicate where a value is expected"};
      if (held == wanted) return slots_.offset[o.reg];
      if (held < wanted) throw NotImplemented{"operand narrower than its type"};
      const uint32_t narrow = scratch(wanted);
      Instr& in = emit(narrowing(held, wanted));
      in.dst = narrow;
      in.a = slots_.offset[o.reg];
      return narrow;
    }
    case Operand::Kind::immediate: {
      uint64_t bits = o.bits;
      if (o.number == Token::Kind::float64 && type == Type::f32)
        bits = std::bit_cast<uint32_t>(static_cast<float>(std::bit_cast<double>(bits)));
      if (o.number == Token::Kind::float32 && type == Type::f64)
        bits = std::bit_cast<uint64_t>(
            static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits))));
      return constant(bits, wanted);
    }
    case Operand::Kind::symbol:
      return constant(symbol_address(o), wanted);
    case Operand::Kind::special: {
      if (o.name == "WARP_SZ") return constant(32, wanted);
      auto it = special_names().find(o.name);
      if (it == special_names().end())
        throw NotImplemented{"unknown special register " + std::string(o.name)};
      return special(it->second, wanted);
    }
    case Operand::Kind::sink:
      return constant(0, wanted);
    default:
      throw NotImplemented{"operand of an unexpected kind"};
  }
}

uint32_t Decoder::predicate_source(const Operand& o) {
  if (o.kind == Operand::Kind::immediate) return constant(o.bits != 0 ? kAllLanes : 0, 0);
  if (o.kind == Operand::Kind::special && o.name == "%is_explicit_cluster")
    return special(Special::is_explicit_cluster, 0);
  if (!is_predicate(o)) throw NotImplemented{"a predicate is expected"};
  const uint32_t slot = slots_.offset[o.reg];
  if (!o.negated) return slot;
  const uint32_t inverted = scratch(0);
  Instr& in = emit(predicate_not());
  in.dst = inverted;
  in.a = slot;
  return inverted;
}

uint32_t Decoder::dest(const Operand& o, Type type) {
  const unsigned wanted = slot_bytes(bytes_of(type));
  if (o.kind == Operand::Kind::sink) return scratch(wanted);
  if (o.kind != Operand::Kind::reg || is_predicate(o))
    throw NotImplemented{"a register is expected as destination"};
  const unsigned held = slot_bytes(register_bytes(o.reg));
  if (held == wanted) return slots_.offset[o.reg];
  if (held < wanted) throw NotImplemented{"destination narrower than its type"};
  const uint32_t narrow = scratch(wanted);
  trailers_.push_back({widening(wanted, held, is_signed(type)), slots_.offset[o.reg], narrow});
  return narrow;
}

uint32_t Decoder::predicate_dest(const Operand& o) {
  if (o.kind == Operand::Kind::sink) return scratch(0);
  if (!is_predicate(o)) throw NotImplemented{"a predicate is expected as destination"};
  return slots_.offset[o.reg];
}

uint32_t Decoder::second_dest(const Operand& o) {
  if (!o.has_second) return scratch(0);
  if (flat_.registers[o.second] != Type::pred)
    throw NotImplemented{"a predicate is expected behind '|'"};
  return slots_.offset[o.second];
}

Instr& Decoder::emit(Handler handler) {
  Instr& in = program_.code.emplace_back();
  program_.origin.push_back(origin_);
  in.run = handler;
  if (in_->guard != kNoRegister) {
    in.guard = slots_.offset[in_->guard];
    in.guard_negated = in_->guard_negated;
  }
  in.weight = first_of_instruction_ ? 1 : 0;
  first_of_instruction_ = false;
  return in;
}

void Decoder::after(Handler handler, uint32_t slot) {
  trailers_.insert(trailers_.begin() + static_cast<ptrdiff_t>(changes_), {handler, slot, slot});
  ++changes_;
}

uint32_t Decoder::before(Handler handler, uint32_t slot, unsigned bytes) {
  const uint32_t copy = scratch(bytes);
  Instr& in = emit(handler);
  in.dst = copy;
  in.a = slot;
  return copy;
}

void Decoder::set_branch_target(Instr& in, uint64_t label) {
  branches_.emplace_back(static_cast<uint32_t>(&in - program_.code.data()), label);
}

void decode_program(const FlatProgram& flat, Program& program) {
  Decoder(flat, program).run();
}

}  // namespace cuemu
