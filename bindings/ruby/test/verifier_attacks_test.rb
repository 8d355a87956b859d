# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'helper'
require 'io/wait'

# What a program can do so that a block's code isn't what it seems: the verifier notices, or it made no
# difference. Each is done in a forked child, because it can't be undone.
class VerifierAttacksTest < Minitest::Test
  Verifier = StaticTracing::Verifier
  # Seconds.
  DEADLINE = 30

  ADD = proc { |call| call.nanoseconds + 1 }
  COMPARE = proc { |call| call.nanoseconds != 1 }
  TEXT = proc { |call| "#{call.nanoseconds} ns" }
  TYPE = proc { |call| Integer === call.result }
  RANGE = proc { |call| (1..5) === call.nanoseconds }
  TIME = proc { Time.now.to_i }
  TABLE = proc { CODES[:paid] }
  NAME = proc { |call| call.method_name }
  SIZE = proc { |call| StaticTracing::Peek.size(call.result) }
  CODES = { paid: 1 }.freeze
  GONE = 'VerifierAttacksTest.send(:remove_const, :CODES)'

  # @return [String] what is wrong with a block after the program did something, without the file
  def refusals_after(block)
    reader, writer = IO.pipe
    pid = fork do
      $VERBOSE = nil
      $stderr.reopen(File::NULL)
      other = yield
      block = other if other.is_a?(Proc)
      found = Verifier.check(block, [:return]).map { |one| "#{one.construct}: #{one.reason}" }.join("\n")
      writer.write(found)
    ensure
      exit!
    end
    writer.close
    assert reader.wait_readable(DEADLINE), 'the child hangs'
    reader.read.force_encoding(Encoding::UTF_8)
  ensure
    Process.kill(:KILL, pid)
    Process.wait(pid)
    reader.close
  end

  # What is wrong with it afterwards, and that nothing was before.
  def assert_noticed(reason, block, &attack)
    assert_empty Verifier.check(block, [:return])
    assert_includes refusals_after(block, &attack), reason
  end

  # ------------------------------------------------------------------ builtins that change

  # What the program does => the block, what is said of it, and the code. What is defined does the same
  # as before, because the verifier calls it, too.
  CHANGED = {
    'an operator is redefined' => [ADD, "Integer#+ isn't Ruby's own: it was defined again in ",
                                   'class Integer; alias was +; def +(other) was(other); end; end'],
    'an operator is an alias' => [ADD, "Integer#+ isn't Ruby's own: it was replaced",
                                  'class Integer; alias_method :+, :|; end'],
    'an operator is another by define_method' => [ADD, "Integer#+ isn't Ruby's own: it was replaced",
                                                  'Integer.define_method(:+, Integer.instance_method(:|))'],
    'an operator is in a prepended module' => [ADD, "Integer#+ isn't Ruby's own: it was defined again in ",
                                               'Integer.prepend(Module.new { def +(_) super; end })'],
    'an operator is removed, for method_missing' =>
      [ADD, "Integer#/ isn't Ruby's own: it was removed",
       'class Integer; undef_method :/; def method_missing(*) 5; end; end; proc { |call| call.nanoseconds / 2 }'],
    'the operator that another one calls' => [COMPARE, "Integer#== isn't Ruby's own",
                                              'class Integer; alias was ==; def ==(other) was(other); end; end'],
    'the operator that a Range calls' => [RANGE, "Integer#<=> isn't Ruby's own",
                                          'class Integer; alias was <=>; def <=>(other) was(other); end; end'],
    'to_s, which text calls' => [TEXT, "Integer#to_s isn't Ruby's own", 'class Integer; def to_s(*) inspect; end; end'],
    'a builtin that is traced' => [TEXT, "Integer#to_s isn't Ruby's own",
                                   'StaticTracing::Tracer::Latency.register(Integer, :to_s); StaticTracing.enable!'],
    'a class asks otherwise' => [TYPE, "Integer.=== isn't Ruby's own", 'def Integer.===(_) super; end'],
    'all classes ask otherwise' =>
      [TYPE, "Integer.=== isn't Ruby's own", 'class Module; alias was ===; def ===(other) was(other); end; end'],
    'the clock is stubbed' => [TIME, "Time.now isn't Ruby's own", 'def Time.now() at(0); end'],
    'a call of this gem' => [NAME, "StaticTracing::Tracer::Call#method_name isn't Ruby's own",
                             'class StaticTracing::Tracer::Call; def method_name() 1; end; end'],
    'a look of this gem' => [SIZE, "StaticTracing::Peek.size isn't Ruby's own",
                             'def (StaticTracing::Peek).size(_) 1; end'],
    'a constant is another' => [TABLE, "an unknown object's [] may be any method",
                                "#{GONE}; VerifierAttacksTest::CODES = Hash.new { abort }"],
    'a constant is gone, for const_missing' =>
      [TABLE, 'CODES: it is not there, and reading it would call const_missing', GONE],
    'a constant is autoloaded' => [TABLE, 'CODES: it is autoloaded',
                                   "#{GONE}; VerifierAttacksTest.autoload(:CODES, __FILE__)"],
    'a constant is shadowed' => [TYPE, "VerifierAttacksTest::Integer.=== isn't Ruby's own",
                                 'class VerifierAttacksTest::Integer; def self.===(_) super; end; end']
  }.freeze

  CHANGED.each do |name, (block, reason, code)|
    define_method("test_that_it_notices_that_#{name.gsub(/\W+/, '_')}") do
      assert_noticed(reason, block) { eval(code, TOPLEVEL_BINDING) }
    end
  end

  def test_that_a_method_which_is_only_added_changes_nothing
    assert_empty(refusals_after(ADD) { eval('class Integer; def minutes() sleep; end; end', TOPLEVEL_BINDING) })
  end

  # ------------------------------------------------------------------ refinements

  def test_that_where_refinements_are_used_nothing_is_known
    found = refusals_after(nil) do
      eval(<<~RUBY, TOPLEVEL_BINDING.dup)
        module Refined; refine(Integer) { def +(_) super; end }; end
        using Refined
        proc { |call| call.nanoseconds + 1 }
      RUBY
    end
    assert_includes found, "using: refinements are in use (Refined): which method a name means can't be told"
  end

  def test_that_refinements_which_are_used_elsewhere_change_nothing
    assert_empty(refusals_after(ADD) { Module.new { refine(Integer) { def +(_) super; end } } })
  end

  # ------------------------------------------------------------------ what isn't the block's own code

  # What is given as a block => what is said of it.
  OTHERS = {
    :size.to_proc => "it isn't written in Ruby: it is a method's or a Symbol's",
    [].method(:push).to_proc => "it isn't written in Ruby: it is a method's or a Symbol's",
    { a: 1 }.to_proc => "it isn't written in Ruby: it is a method's or a Symbol's",
    (ADD >> ADD) => "it isn't written in Ruby: it is a method's or a Symbol's",
    ADD.curry => "it isn't written in Ruby: it is a method's or a Symbol's",
    Class.new(Proc) { def call(*) sleep; end }.new { 1 } => 'it must be a Proc, not a #<Class:'
  }.freeze

  def test_that_other_procs_than_blocks_are_refused
    OTHERS.each do |other, reason|
      found = Verifier.check(other, [:return])
      assert_includes found.first.to_s, reason
    end
  end

  def helper_method(_call)
    1
  end

  def test_that_a_method_is_no_block
    found = Verifier.check(method(:helper_method).to_proc)
    assert_match(/the block: it (is a method|isn't written in Ruby)/, found.first.to_s)
  end

  def test_that_something_else_is_no_block
    [nil, 1, 'x', Object.new, BasicObject.new].each do |other|
      assert_match(/it must be a Proc/, Verifier.check(other).first.to_s)
    end
  end

  # ------------------------------------------------------------------ where a block was made

  class Singleton
    class << self
      LIMIT = 5
      def block
        proc { LIMIT + 1 }
      end
    end
  end

  def test_that_constants_of_a_class_s_own_class_are_found
    assert_empty Verifier.check(Singleton.block)
  end

  def test_that_constants_in_the_class_of_an_object_are_not
    object = Object.new
    class << object
      LIMIT = 5
      def block
        proc { LIMIT + 1 }
      end
    end
    assert_includes Verifier.check(object.block).first.to_s,
                    'LIMIT: it depends on an object that has a class of its own'
  end

  class Bare < BasicObject
    def block
      ::Kernel.proc { Integer }
    end

    def self.const_missing(_)
      ::Kernel.sleep
    end
  end

  def test_that_const_missing_of_a_class_is_not_called
    assert_includes Verifier.check(Bare.new.block).first.to_s,
                    'Integer: it is not there, and reading it would call const_missing'
  end

  def test_that_keywords_are_without_the_default_block_of_a_hash
    def (hash = Object.new).given(*arguments)
      arguments
    end
    hash.singleton_class.send(:ruby2_keywords, :given)
    watched = Struct.new(:method_name, :tracepoint, :parameters).new('given')
    call = StaticTracing::Tracer::Call.new(watched, nil, hash.given(**Hash.new { abort }.update(id: 1)), nil)

    assert_equal [{ id: 1 }, nil], [call.keywords, call.keywords[:other]]
    assert_nil call.keywords.default_proc
  end

  def test_that_a_long_block_is_refused
    found = Verifier.check(eval("proc { #{'1.succ; ' * 1000} }"))
    assert_match(/the block: it has \d+ instructions; at most 2000 are allowed/, found.first.to_s)
  end

  def test_that_an_unknown_instruction_is_refused
    code = Struct.new(:body, :parameters, :path, :line, :locals) do
      def labels; {}; end
      def clauses; []; end
    end
    found = Verifier::Walk.new(ADD, code.new([1, [:opt_of_the_future, 1]], {}, 'a.rb', 1, 0), [], {}).refusals
    assert_equal ["a.rb:1: opt_of_the_future: this verifier doesn't know this instruction"], found.map(&:to_s)
  end

  # ------------------------------------------------------------------ the look at unknown objects

  class Sly < String
    %i[size bytesize byteslice class to_s instance_variable_get equal? inspect ==].each do |name|
      define_method(name) { |*| raise "#{name} was called" }
    end

    def initialize(*)
      super
      @id = 7
    end
  end

  def test_that_peek_calls_nothing_of_an_object
    sly = Sly.new('sly')
    peek = StaticTracing::Peek

    assert_equal ['VerifierAttacksTest::Sly', 3, 'sly', 7, true, false, nil],
                 [peek.class_name(sly), peek.size(sly), peek.text(sly), peek.ivar(sly, :@id), peek.same?(sly, sly),
                  peek.same?(sly, 1), peek.integer(sly)]
    assert_instance_of String, peek.text(sly)
    assert_equal ['BasicObject', nil, nil, nil], [peek.class_name(bare = BasicObject.new), peek.size(bare),
                                                  peek.text(bare), peek.ivar(bare, :@id)]
  end

  def test_that_peek_has_bounds
    peek = StaticTracing::Peek
    assert_equal [2**64 - 1, nil, nil], [2**64 - 1, 2**64, 1.0].map { |number| peek.integer(number) }
    assert_equal [256, 256], ['x' * 10_000, ('y' * 10_000).to_sym].map { |text| peek.text(text).bytesize }
    assert_equal [2, 1, 4, nil], [[1, 2], { a: 1 }, 'text', :text].map { |one| peek.size(one) }
    Thread.current[:verifier_test] = 5
    assert_equal [5, nil], [peek.thread(:verifier_test), peek.thread(:other)]
    error = assert_raises(ArgumentError) { peek.ivar(Sly.new, :id) }
    assert_equal 'the name of an instance variable is as in :@id', error.message
  ensure
    Thread.current[:verifier_test] = nil
  end
end
