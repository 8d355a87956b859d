# SPDX-License-Identifier: MIT
# frozen_string_literal: true

require 'helper'
require 'open3'
require 'tmpdir'

# On other Rubies than CRuby, the gem loads, says so in one line of the log, and does nothing. JRuby
# takes seconds to start, so that one start has to do. TruffleRuby is in no package of Debian: in its
# place, CRuby gives itself out for it before it loads the gem.
class ElsewhereTest < Minitest::Test
  ROOT = File.expand_path('..', __dir__)

  SCRIPT = <<~'RUBY'
    require 'ruby-static-tracing'
    StaticTracing.logger = Logger.new($stdout, formatter: ->(level, _, _, message) { "#{level}: #{message}\n" })

    def try
      puts yield.inspect
    rescue StaticTracing::Error => e
      puts "#{e.class}: #{e.message}"
    end

    order = StaticTracing::Tracepoint.new(:shop, :order, id: :uint8, name: String, verify: true)
    try { StaticTracing.configure { |config| config.mode = 'ON' }.mode }
    try { [order.provider.enable, order.enabled?, order.watched?, order.path, order.bpftrace] }
    try { [order.fire(1, 'a'), order.fire { abort 'a block ran' }] }
    try { order.fire(1) }
    try { order.fire(256, 'a') }
    try { order.fire(1, :a) }

    class Cart
      include StaticTracing::Tracer::Concerns::Latency
      def total; 7; end
      def self.find; 8; end
    end
    class Rows < StaticTracing::Tracer::Base
      set_tracepoint_data_types Integer
      set_values(verify: true) { |call| call.result.size }
    end
    Rows.register(Cart, :total)
    StaticTracing::Tracer::Stack.register(Cart, :total, '.find')
    try { Rows.register(Cart, :absent) }
    try { Rows.register(Cart) }
    StaticTracing.disable!
    StaticTracing.enable!
    try { [Cart.new.total, Cart.find, Cart.instance_method(:total).owner, Rows.enabled?, Rows.registered] }

    fires = StaticTracing::Testing.record { order.fire(1, nil) && order.fire { [2, 'b'] } }
    try { fires.map(&:to_s) }
    try { order.enabled? }
    StaticTracing::Configuration.on_error = :log
    try { order.fire(-1, 'a') }
    try { StaticTracing::Verifier.check(proc {}).map(&:reason) }

    ARGV.each do |extconf|
      load extconf
    rescue SystemExit => e
      try { [e.success?, File.read('Makefile')] }
    end
    try { order.provider.destroy }
    try { $LOADED_FEATURES.grep(%r{static_tracing/(native|librst)\.so|ffi_c|/ffi\.rb}) }
  RUBY

  SAID = <<~'TEXT'
    WARN: static tracing is off, and every tracepoint does nothing: ENGINE isn't CRuby, whose interface for C the gem needs
    "ON"
    [false, false, false, nil, nil]
    [false, false]
    StaticTracing::Tracepoint::ArityError: shop:order: got 1 value, expected 2 (uint8 id, string name)
    StaticTracing::Tracepoint::ValueRangeError: shop:order: argument 1 (id) must be an Integer from 0 to 255, not 256 (Integer)
    StaticTracing::Tracepoint::TypeMismatchError: shop:order: argument 2 (name) must be a String or nil, not :a (Symbol)
    StaticTracing::Tracer::Base::RegistrationError: Cart has no method "absent"; it defines: :total
    StaticTracing::Tracer::Base::RegistrationError: Rows.register needs the name of a method
    [7, 8, Cart, true, {}]
    ["shop:order(1, nil)", "shop:order(2, \"b\")"]
    false
    ERROR: shop:order: argument 1 (id) must be an Integer from 0 to 255, not -1 (Integer) (StaticTracing::Tracepoint::ValueRangeError; logged once)
    false
    ["this Ruby shows nobody its code"]
    [true, "all install clean:\n\t@:\n"]
    [true, "all install clean:\n\t@:\n"]
    nil
    []
  TEXT

  # Required before the gem.
  TRUFFLERUBY = <<~RUBY
    Object.send(:remove_const, :RUBY_ENGINE)
    RUBY_ENGINE = 'truffleruby'
  RUBY

  def test_that_on_jruby_it_loads_and_does_nothing
    skip 'jruby is not installed' unless system('which', 'jruby', out: File::NULL)
    assert_does_nothing('jruby', 'jruby', '--dev')
  end

  def test_that_it_goes_by_the_engine_and_so_does_nothing_on_truffleruby
    Dir.mktmpdir('rst-ruby-test-') do |directory|
      engine = File.join(directory, 'engine.rb')
      File.write(engine, TRUFFLERUBY)
      assert_does_nothing('truffleruby', RbConfig.ruby, '-r', engine)
    end
  end

  # Neither the gem's C is loaded, nor FFI.
  def assert_does_nothing(engine, *command)
    Dir.mktmpdir('rst-ruby-test-') do |directory|
      extconfs = Dir[File.join(ROOT, 'ext/*/extconf.rb')]
      command += ['-I', File.join(ROOT, 'lib'), '-e', SCRIPT, *extconfs]
      output, status = Open3.capture2e({ 'RUBYOPT' => nil, 'RUBYLIB' => nil }, *command, chdir: directory)
      assert_equal SAID.sub('ENGINE', engine), output
      assert status.success?, status.inspect
    end
  end
end
