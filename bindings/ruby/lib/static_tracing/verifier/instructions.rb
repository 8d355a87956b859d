# frozen_string_literal: true

module StaticTracing
  module Verifier
    # What each of the interpreter's instructions is to the verifier. Rubies compile the same line
    # differently: the tables have the instructions of all versions from 2.7 on, and each says since
    # or until which version one exists. One that isn't here is refused.
    # @api private
    module Instructions
      # Instructions that only move values: how many they take, and how many unknown ones they leave.
      # What the operand says is `:n`.
      MOVES = {
        nop: [0, 0], freezestring: [0, 0], # until 2.7
        pop: [1, 0], adjuststack: [:n, 0],
        getinstancevariable: [0, 1], getclassvariable: [0, 1], checkkeyword: [0, 1],
        definedivar: [0, 1] # since 3.3
      }.freeze

      # Those that another method of {Walk} follows => that method.
      FOLLOWED = {
        putself: :put_self, putnil: :put_nil, putobject: :put_object,
        putobject_INT2FIX_0_: :put_zero, putobject_INT2FIX_1_: :put_one,
        putstring: :put_string, putchilledstring: :put_string, # since 3.4
        dupstring: :put_string, duparray: :put_array, duphash: :put_hash,
        newarray: :new_array, newhash: :new_hash, expandarray: :expand_array, concatstrings: :concatenate,
        checktype: :check_type, tostring: :any_to_string, # until 3.0
        objtostring: :object_to_string, anytostring: :any_to_string, # since 3.1
        getlocal: :get_local, getlocal_WC_0: :get_own_local, getlocal_WC_1: :get_outer_local,
        setlocal: :assign_local, setlocal_WC_0: :assign_own_local, setlocal_WC_1: :assign_outer_local,
        dup: :duplicate, dupn: :duplicate_many, swap: :swap, topn: :top, setn: :replace_top,
        reverse: :reverse, # until 3.0
        opt_reverse: :reverse, # since 3.1
        jump: :jump, branchif: :branch_if, branchunless: :branch_unless, branchnil: :branch_nil,
        opt_case_dispatch: :dispatch, leave: :leave, throw: :throw_out, checkmatch: :check_match,
        opt_getinlinecache: :begin_constant, getconstant: :constant, opt_setinlinecache: :end_constant, # until 3.1
        opt_getconstant_path: :constant_path, # since 3.2
        defined: :ask_defined, putspecialobject: :put_special,
        send: :call, opt_send_without_block: :call,
        opt_str_freeze: :call_with_string, opt_str_uminus: :call_with_string,
        opt_aref_with: :call_with_string, # until 3.4
        opt_nil_p: :call, opt_plus: :call, opt_minus: :call, opt_mult: :call, opt_div: :call, opt_mod: :call,
        opt_eq: :call, opt_neq: :call, opt_lt: :call, opt_le: :call, opt_gt: :call, opt_ge: :call,
        opt_ltlt: :call, opt_and: :call, opt_or: :call, opt_aref: :call, opt_aset: :call,
        opt_length: :call, opt_size: :call, opt_empty_p: :call, opt_succ: :call, opt_not: :call, opt_regexpmatch2: :call
      }.freeze

      LOOP = 'it jumps backwards, so that how often it runs can\'t be told'
      OUTLIVES = 'it assigns what outlives the block'
      DEFINES = 'it defines what outlives the block'
      MATCH = 'a match changes $~ of the method around the block, and may take any time'
      ELEMENTS = 'it calls a method of every element'

      # Those that are refused: how many values they take and leave, how the code looks (`%s` is the
      # first operand), and why.
      REFUSED = {
        setinstancevariable: [1, 0, '%s = …', OUTLIVES],
        setclassvariable: [1, 0, '%s = …', OUTLIVES],
        setglobal: [1, 0, '%s = …', OUTLIVES],
        setconstant: [2, 0, '%s = …', OUTLIVES],
        setspecial: [1, 0, 'a flip-flop', OUTLIVES],
        setblockparam: [1, 0, 'an assignment to the block\'s block', OUTLIVES],
        getglobal: [0, 1, '%s', 'code may compute a global variable when it is read'],
        getspecial: [0, 1, 'a back-reference or a flip-flop', 'it copies text of any length, or outlives the block'],
        getblockparam: [0, 1, 'a block\'s block', 'it makes a Proc'],
        getblockparamproxy: [0, 1, 'a block\'s block', 'what it does isn\'t known'],
        toregexp: [:second, 1, '/#{…}/', 'it compiles a regular expression'],
        intern: [1, 1, ':"#{…}"', 'it makes a Symbol, which outlives the block'],
        newrange: [2, 1, 'a range', 'it calls <=> of its ends'],
        once: [0, 1, 'an `o` expression or END', OUTLIVES],
        splatarray: [1, 1, '*…', 'it calls to_a of what it splats, or copies it'],
        concatarray: [2, 1, '*…', 'it calls to_a of what it splats, or copies it'],
        concattoarray: [2, 1, '*…', 'it calls to_a of what it splats, or copies it'], # since 3.4
        splatkw: [2, 2, '**…', 'it calls to_hash of what it splats, or copies it'], # since 3.4
        pushtoarray: [:first_and_one, 1, '*…', 'it copies an Array'], # since 3.4
        pushtoarraykwsplat: [2, 1, '**…', 'it copies a Hash'], # since 3.4
        newarraykwsplat: [:first, 1, '[**…]', 'it copies a Hash'],
        opt_newarray_max: [:first, 1, '[…].max', ELEMENTS], # until 3.2
        opt_newarray_min: [:first, 1, '[…].min', ELEMENTS], # until 3.2
        opt_newarray_send: [:first, 1, '[…].max, min, hash or pack', ELEMENTS], # since 3.3
        opt_duparray_send: [:third, 1, '[…].include?', ELEMENTS], # since 3.4
        opt_aset_with: [2, 1, '…["…"] = …', 'it changes an object'], # until 3.4
        opt_regexpmatch1: [1, 1, '=~', MATCH], # until 2.7
        invokesuper: [:call, 1, 'super', 'what it calls isn\'t known'],
        invokesuperforward: [:call, 1, 'super', 'what it calls isn\'t known'], # since 3.4
        invokeblock: [:arguments, 1, 'yield', 'what it calls isn\'t known'],
        sendforward: [:call, 1, 'a call with ...', 'what it calls isn\'t known'], # since 3.4
        definemethod: [0, 0, 'def %s', DEFINES],
        definesmethod: [1, 0, 'def self.%s', DEFINES],
        defineclass: [2, 1, 'class or module %s', DEFINES]
      }.freeze

      # `throw`'s operand, in its lowest bits => how the code looks.
      THROWS = { 1 => 'return', 2 => 'break', 3 => 'next', 4 => 'retry', 5 => 'redo' }.freeze
      THROW_MASK = 0xf

      # `defined`'s operand for an instance variable, the one that calls nothing and loads nothing.
      DEFINED_IVAR = 2

      # `checktype`'s operand for a String.
      T_STRING = 5

      # Bits of a call's flags; the lowest ones are the same in all versions.
      SPLAT = 1
      BLOCK_ARGUMENT = 2
      SIMPLE = 16

      # Methods that are never allowed, not even for an application => why.
      FORBIDDEN = {
        'runs code that is not in the block' =>
          %i[eval instance_eval class_eval module_eval instance_exec class_exec module_exec binding lambda proc
             define_method define_singleton_method method instance_method public_method singleton_method to_proc
             method_missing respond_to_missing?],
        'calls a method whose name isn\'t in the code' => %i[send __send__ public_send bind_call],
        'loads code' => %i[require require_relative load autoload],
        'leaves the block' => %i[raise fail throw exit exit! abort at_exit],
        'takes any time' => %i[sleep loop catch fork spawn system exec ` gets readline readlines],
        'writes or reads outside' => %i[puts print p pp putc printf warn open syscall trap],
        'assigns or defines what outlives the block' =>
          %i[instance_variable_set class_variable_set const_set remove_const
             remove_instance_variable set_trace_func alias_method undef_method remove_method include extend
             prepend refine using attr attr_reader attr_writer attr_accessor]
      }.flat_map { |why, names| names.map { |name| [name, why] } }.to_h.freeze
    end
  end
end
