// SPDX-License-Identifier: MIT
#include "flatten.hpp"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace cuemu {
namespace {

uint64_t round_up(uint64_t value, uint64_t align) {
  return align == 0 ? value : (value + align - 1) / align * align;
}

// What a name stands for: the operand that replaces it.
struct Scope {
  struct Family {
    std::string_view prefix;
    uint32_t count, first;
  };
  std::unordered_map<std::string_view, Operand> names;
  std::vector<Family> families;
  uint32_t local_top = 0;
};

class Flattener {
 public:
  Flattener(const Function& entry, const ModuleIndex& module, const ModuleVariableLookup& variables)
      : entry_(entry), module_(module), module_variable_(variables) {}

  FlatProgram run() {
    Scope parameters;
    uint64_t offset = 0;
    for (const Declaration& p : entry_.parameters) {
      offset = round_up(offset, p.align);
      program_.parameter_offsets.push_back(static_cast<uint32_t>(offset));
      parameters.names[p.name] = symbol(Space::param, offset);
      offset += p.bytes();
    }
    program_.parameter_bytes = static_cast<uint32_t>(offset);
    body(entry_, std::move(parameters));
    program_.local_bytes = static_cast<uint32_t>(round_up(local_max_, 16));
    return std::move(program_);
  }

 private:
  static Operand symbol(Space space, uint64_t address) {
    Operand o;
    o.kind = Operand::Kind::symbol;
    o.space = space;
    o.bits = address;
    return o;
  }

  // Inlines one function; `parameters` binds its parameters' names.
  void body(const Function& function, Scope parameters) {
    active_.push_back(function.name);
    std::vector<Scope> outer = std::move(scopes_);
    scopes_.clear();
    parameters.local_top = local_top_;
    scopes_.push_back(std::move(parameters));
    const uint32_t outer_end = end_label_;
    end_label_ = new_label();
    const std::vector<Statement> statements = parse_body(function.body);
    for (size_t i = 0; i < statements.size(); ++i) statement(statements, i);
    program_.labels[end_label_] = static_cast<uint32_t>(program_.code.size());
    end_label_ = outer_end;
    local_top_ = scopes_.front().local_top;
    scopes_ = std::move(outer);
    active_.pop_back();
    if (active_.empty()) {  // falling off the end of a kernel is a return
      FlatInstruction& exit = program_.code.emplace_back();
      exit.opcode = "exit";
      exit.text = "exit";
      if (!statements.empty()) exit.location = statements.back().location;
    }
  }

  uint32_t new_label() {
    program_.labels.push_back(0);
    return static_cast<uint32_t>(program_.labels.size() - 1);
  }

  void statement(const std::vector<Statement>& all, size_t at) {
    const Statement& s = all[at];
    switch (s.kind) {
      case Statement::Kind::open_scope: {
        Scope scope;
        scope.local_top = local_top_;
        scopes_.push_back(std::move(scope));
        declare_labels(all, at + 1);
        break;
      }
      case Statement::Kind::close_scope:
        local_top_ = scopes_.back().local_top;
        scopes_.pop_back();
        break;
      case Statement::Kind::label:
        program_.labels[scopes_.back().names[s.opcode].bits] =
            static_cast<uint32_t>(program_.code.size());
        break;
      case Statement::Kind::declaration:
        declare(s.declaration);
        break;
      case Statement::Kind::targets:
        break;
      case Statement::Kind::instruction:
        instruction(s);
        break;
    }
  }

  // Labels may be used before they are met, so a scope's labels are declared when it opens.
  void declare_labels(const std::vector<Statement>& all, size_t from) {
    Scope& scope = scopes_.back();
    std::vector<const Statement*> tables;
    int depth = 0;
    for (size_t i = from; i < all.size() && depth >= 0; ++i) {
      if (all[i].kind == Statement::Kind::open_scope) ++depth;
      if (all[i].kind == Statement::Kind::close_scope) --depth;
      if (depth != 0) continue;
      if (all[i].kind == Statement::Kind::targets) tables.push_back(&all[i]);
      if (all[i].kind != Statement::Kind::label) continue;
      Operand o;
      o.kind = Operand::Kind::label;
      o.bits = new_label();
      scope.names[all[i].opcode] = o;
    }
    for (const Statement* table : tables) {
      std::vector<uint32_t> targets;
      for (const ParsedOperand& p : table->operands)
        targets.push_back(static_cast<uint32_t>(resolve(p).bits));
      Operand o;
      o.kind = Operand::Kind::label;
      o.bits = program_.branch_targets.size();
      scope.names[table->opcode] = o;
      program_.branch_targets.push_back(std::move(targets));
    }
  }

  uint32_t new_register(Type type) {
    program_.registers.push_back(type);
    return static_cast<uint32_t>(program_.registers.size() - 1);
  }

  void declare(const Declaration& d) {
    Scope& scope = scopes_.back();
    switch (d.kind) {
      case Declaration::Kind::reg:
        if (d.family >= 0) {
          const auto first = static_cast<uint32_t>(program_.registers.size());
          program_.registers.insert(program_.registers.end(), static_cast<size_t>(d.family),
                                    d.type);
          scope.families.push_back({d.name, static_cast<uint32_t>(d.family), first});
        } else {
          Operand o;
          o.kind = Operand::Kind::reg;
          o.reg = new_register(d.type);
          scope.names[d.name] = o;
        }
        break;
      case Declaration::Kind::local:
      case Declaration::Kind::param:
        scope.names[d.name] = symbol(Space::local, new_local(d));
        break;
      case Declaration::Kind::shared:
        scope.names[d.name] = new_shared(d);
        break;
      case Declaration::Kind::constant:
      case Declaration::Kind::global:
        break;  // nvcc has these at module level only
    }
  }

  uint64_t new_local(const Declaration& d) {
    const uint64_t at = round_up(local_top_, std::max<uint32_t>(d.align, 4));
    local_top_ = static_cast<uint32_t>(at + d.bytes());
    local_max_ = std::max(local_max_, local_top_);
    return at;
  }

  Operand new_shared(const Declaration& d) {
    if (d.unsized) {
      program_.dynamic_shared_align = std::max(program_.dynamic_shared_align, d.align);
      return symbol(Space::dynamic_shared, 0);
    }
    // Inlined twice, a device function still has one copy of its shared variable.
    if (auto it = shared_.find(d.name); it != shared_.end()) return it->second;
    const uint64_t at = round_up(program_.static_shared_bytes, d.align);
    program_.static_shared_bytes = static_cast<uint32_t>(at + d.bytes());
    return shared_[d.name] = symbol(Space::shared, at);
  }

  std::optional<Operand> look_up(std::string_view name) {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      if (auto it = scope->names.find(name); it != scope->names.end()) return it->second;
      for (const Scope::Family& f : scope->families) {
        if (name.size() <= f.prefix.size() || !name.starts_with(f.prefix)) continue;
        uint32_t n = 0;
        bool number = true;
        for (char c : name.substr(f.prefix.size())) {
          number &= c >= '0' && c <= '9';
          n = n * 10 + static_cast<uint32_t>(c - '0');
        }
        if (!number || n >= f.count) continue;
        Operand o;
        o.kind = Operand::Kind::reg;
        o.reg = f.first + n;
        return o;
      }
    }
    if (name.starts_with('%') || name == "WARP_SZ") {
      Operand o;
      o.kind = Operand::Kind::special;
      o.name = name;
      return o;
    }
    for (const Declaration& d : module_.variables)
      if (d.kind == Declaration::Kind::shared && d.name == name) return new_shared(d);
    if (std::optional<uint64_t> address = module_variable_(name))
      return symbol(Space::global, *address);
    return std::nullopt;
  }

  Operand resolve(const ParsedOperand& p) {
    Operand o;
    switch (p.kind) {
      case ParsedOperand::Kind::sink:
        o.kind = Operand::Kind::sink;
        break;
      case ParsedOperand::Kind::number:
        o.kind = Operand::Kind::immediate;
        o.number = p.number;
        o.bits = p.bits;
        break;
      case ParsedOperand::Kind::vector:
        o.kind = Operand::Kind::vector;
        for (const ParsedOperand& item : p.items) o.items.push_back(resolve(item));
        break;
      case ParsedOperand::Kind::name:
      case ParsedOperand::Kind::address: {
        std::optional<Operand> found;
        if (!p.name.empty()) found = look_up(p.name);
        if (p.kind == ParsedOperand::Kind::name) {
          if (found) {
            o = *found;
            o.bits += p.bits;
          } else {
            o.kind = Operand::Kind::name;
            o.name = p.name;
          }
          break;
        }
        o.kind = Operand::Kind::address;
        o.bits = p.bits;
        if (found && found->kind == Operand::Kind::reg) {
          o.has_base = true;
          o.reg = found->reg;
        } else if (found && found->kind == Operand::Kind::symbol) {
          o.space = found->space;
          o.bits += found->bits;
        } else if (!p.name.empty()) {
          unresolved_ = p.name;
        }
        for (const ParsedOperand& item : p.items) o.items.push_back(resolve(item));
        break;
      }
    }
    o.negated = p.negated;
    if (!p.second.empty()) {
      if (std::optional<Operand> q = look_up(p.second); q && q->kind == Operand::Kind::reg) {
        o.second = q->reg;
        o.has_second = true;
      }
    }
    return o;
  }

  void instruction(const Statement& s) {
    FlatInstruction in;
    in.opcode = s.opcode;
    in.text = s.text;
    in.location = s.location;
    in.in_entry = active_.size() == 1;
    unresolved_ = {};
    if (!s.guard.empty()) {
      std::optional<Operand> guard = look_up(s.guard);
      if (guard && guard->kind == Operand::Kind::reg)
        in.guard = guard->reg;
      else
        unresolved_ = s.guard;
      in.guard_negated = s.guard_negated;
    }
    const std::string_view base = s.opcode.substr(0, s.opcode.find('.'));
    if (base == "call") {
      call(s, std::move(in));
      return;
    }
    if (base == "ret" && active_.size() > 1) {
      in.opcode = "bra";
      Operand target;
      target.kind = Operand::Kind::label;
      target.bits = end_label_;
      in.operands.push_back(target);
    } else {
      for (const ParsedOperand& p : s.operands) in.operands.push_back(resolve(p));
      for (const Operand& o : in.operands)
        if (o.kind == Operand::Kind::name) unresolved_ = o.name;
    }
    if (!unresolved_.empty()) in.error = "unknown name " + std::string(unresolved_);
    program_.code.push_back(std::move(in));
  }

  // call (results), function, (arguments); either list may be missing.
  void call(const Statement& s, FlatInstruction in) {
    const std::vector<ParsedOperand>& ops = s.operands;
    const bool has_results = !ops.empty() && ops[0].kind == ParsedOperand::Kind::vector;
    const size_t callee_at = has_results ? 1 : 0;
    const std::string_view name = callee_at < ops.size() ? ops[callee_at].name : "";
    auto it = module_.functions.find(name);
    const std::vector<ParsedOperand> none;
    const std::vector<ParsedOperand>& results = has_results ? ops[0].items : none;
    const std::vector<ParsedOperand>& arguments =
        callee_at + 1 < ops.size() ? ops[callee_at + 1].items : none;
    for (const ParsedOperand& p : results) in.operands.push_back(resolve(p));
    for (const ParsedOperand& p : arguments) in.operands.push_back(resolve(p));
    if (it == module_.functions.end() || it->second.body.empty()) {
      // Known to the emulator itself (vprintf), or an error: the decoder tells.
      Operand callee;
      callee.kind = Operand::Kind::name;
      callee.name = name;
      in.operands.insert(in.operands.begin(), callee);
      program_.code.push_back(std::move(in));
      return;
    }
    const Function& callee = it->second;
    const bool recursive = std::find(active_.begin(), active_.end(), callee.name) != active_.end();
    if (recursive || results.size() != callee.results.size() ||
        arguments.size() != callee.parameters.size()) {
      in.error =
          recursive ? "recursive calls are not emulated" : "call does not match its function";
      in.operands.clear();
      program_.code.push_back(std::move(in));
      return;
    }
    Scope parameters;
    for (size_t i = 0; i < results.size(); ++i)
      parameters.names[callee.results[i].name] = in.operands[i];
    for (size_t i = 0; i < arguments.size(); ++i)
      parameters.names[callee.parameters[i].name] = in.operands[results.size() + i];
    uint32_t behind = 0;
    if (in.guard != kNoRegister) {  // a guarded call: the other lanes jump over it
      behind = new_label();
      in.opcode = "bra";
      in.guard_negated = !in.guard_negated;
      in.operands.clear();
      Operand target;
      target.kind = Operand::Kind::label;
      target.bits = behind;
      in.operands.push_back(target);
      program_.code.push_back(in);
    }
    const bool guarded = in.guard != kNoRegister;
    body(callee, std::move(parameters));
    if (guarded) program_.labels[behind] = static_cast<uint32_t>(program_.code.size());
  }

  const Function& entry_;
  const ModuleIndex& module_;
  const ModuleVariableLookup& module_variable_;
  FlatProgram program_;
  std::vector<Scope> scopes_;
  std::vector<std::string_view> active_;  // functions being inlined, outermost first
  std::map<std::string_view, Operand> shared_;
  uint32_t end_label_ = 0;
  uint32_t local_top_ = 0, local_max_ = 0;
  std::string_view unresolved_;
};

}  // namespace

FlatProgram flatten(const Function& entry, const ModuleIndex& module,
                    const ModuleVariableLookup& variables) {
  return Flattener(entry, module, variables).run();
}

}  // namespace cuemu
