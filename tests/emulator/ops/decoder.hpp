// SPDX-License-Identifier: MIT
// Turns flat instructions into what the machine runs. Each group of opcodes decodes its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "../isa/program.hpp"
#include "../ptx/flatten.hpp"
#include "../ptx/slots.hpp"
#include "../ptx/wgmma_registers.hpp"

namespace cuemu {

// Thrown by the decoding functions for what they do not implement; the instruction then faults when
// executed.
struct NotImplemented {
  std::string why;
};

class Decoder {
 public:
  Decoder(const FlatProgram& flat, Program& program);
  void run();

  // --- The instruction being decoded ---
  std::string_view base() const { return base_; }
  bool has(std::string_view modifier) const;
  // The n-th type among the modifiers; Type::none when there are fewer.
  Type type(unsigned n = 0) const;
  const std::vector<std::string_view>& modifiers() const { return modifiers_; }
  size_t operand_count() const { return in_->operands.size(); }
  const Operand& operand(size_t i) const;
  bool in_entry() const { return in_->in_entry; }
  bool has_guard() const { return in_->guard != kNoRegister; }
  const FlatProgram& flat() const { return flat_; }
  const WgmmaRegisters& wgmma_registers() const { return wgmma_registers_; }

  // --- Slots ---
  // Of a source, as a value of `type`: a register (its low part when it is wider), a constant, a
  // special register.
  uint32_t source(const Operand& o, Type type);
  uint32_t source(size_t i, Type type) { return source(operand(i), type); }
  uint32_t predicate_source(const Operand& o);
  // Of a destination. One wider than the type is extended behind the instruction.
  uint32_t dest(const Operand& o, Type type);
  uint32_t dest(size_t i, Type type) { return dest(operand(i), type); }
  uint32_t predicate_dest(const Operand& o);
  // The q of "p|q"; a scratch slot when there is none.
  uint32_t second_dest(const Operand& o);
  uint32_t constant(uint64_t bits, unsigned bytes);
  uint32_t scratch(unsigned bytes);  // bytes 0: a predicate
  uint32_t carry_slot();             // the carry bits of add.cc and its like
  uint32_t special(Special what, unsigned bytes);
  const uint32_t* list(std::vector<uint32_t> slots);
  unsigned register_bytes(uint32_t reg) const { return bytes_of(flat_.registers[reg]); }
  bool is_predicate(const Operand& o) const {
    return o.kind == Operand::Kind::reg && flat_.registers[o.reg] == Type::pred;
  }
  // The constant an operand stands for; throws NotImplemented when it is none.
  uint64_t immediate(size_t i) const;
  // The address a symbol stands for in its own space.
  uint64_t symbol_address(const Operand& o) const;

  // --- Emitting; guard and source line come from the instruction being decoded ---
  Instr& emit(Handler handler);
  // Behind the instruction, on its destination (saturation and the like).
  void after(Handler handler, uint32_t slot);
  // Before the instruction: a scratch copy of `slot`, run through the handler.
  uint32_t before(Handler handler, uint32_t slot, unsigned bytes);
  uint32_t next_site() { return program_.sites++; }
  void touches_shared(uint32_t bytes) {
    program_.shared_granule = std::min(program_.shared_granule, bytes);
  }
  void set_branch_target(Instr& in, uint64_t label);

 private:
  void decode(const FlatInstruction& in);
  void split_opcode(std::string_view opcode);
  // Before an instruction that names registers of a wgmma: tells the warp's queue.
  void watch_wgmma_registers();
  uint32_t new_slot(unsigned bytes);

  const FlatProgram& flat_;
  Program& program_;
  const WgmmaRegisters wgmma_registers_;
  SlotPlan slots_;
  const FlatInstruction* in_ = nullptr;
  std::string_view base_;
  std::vector<std::string_view> modifiers_;
  uint32_t origin_ = 0;
  uint32_t carry_slot_ = kNoSlot;
  bool first_of_instruction_ = true;
  struct Trailer {
    Handler handler;
    uint32_t dst, a;
  };
  std::vector<Trailer> trailers_;
  size_t changes_ = 0;  // trailers that change the result; the others widen it and come behind
  std::map<std::pair<uint64_t, unsigned>, uint32_t> constants_;
  std::map<std::pair<Special, unsigned>, uint32_t> specials_;
  std::vector<uint32_t> scratch_[4];
  size_t scratch_used_[4] = {};
  std::vector<std::pair<uint32_t, uint64_t>> branches_;  // instruction index, label
};

void decode_program(const FlatProgram& flat, Program& program);

}  // namespace cuemu
